import { createApp } from 'vue'
import App from './App.vue'
import { whenSignedOut } from './contract/api'
import { i18n } from './i18n'
import { endSession, router } from './router'
import { restoreLanguage } from './session/language'
import { showIcon } from './sound/icon'
import { startClock } from './time/clock'
import './styles/tokens.css'
import './styles/base.css'

restoreLanguage()
startClock()
whenSignedOut(endSession)
document.title = i18n.global.t('app.title')
showIcon('calm')
createApp(App).use(i18n).use(router).mount('#app')
