import { computed } from 'vue'
import { speak } from '../contract/api'
import { i18n, LANGUAGES, type Language } from '../i18n'

const STORED_AS = 'anban.language'

export const language = computed<Language>(() => i18n.global.locale.value)

/** Chinese unless this browser chose otherwise before. */
export function restoreLanguage(): void {
  use(LANGUAGES.find((known) => known === localStorage.getItem(STORED_AS)) ?? 'zh-CN')
}

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(STORED_AS, chosen)
  use(chosen)
}

export function switchLanguage(): void {
  chooseLanguage(language.value === 'zh-CN' ? 'en' : 'zh-CN')
}

function use(chosen: Language): void {
  i18n.global.locale.value = chosen
  document.documentElement.lang = chosen
  speak(chosen)
}
