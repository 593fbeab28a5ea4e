import { computed, onUnmounted, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { isUnanswered } from '../alarms/order'
import { board, stale } from '../feed/store'
import { serverSecond } from '../time/clock'
import { isWaiting } from '../unrecorded/calls'
import { showIcon } from './icon'

const stillness = window.matchMedia('(prefers-reduced-motion: reduce)')

/** Makes the browser's tab say how many alarms wait for an answer, flashing where motion is welcome. */
export function useTabAttention(): void {
  const { t } = useI18n()
  const calls = computed(() => board.value.unrecorded.filter((call) => isWaiting(call, serverSecond.value)).length)
  const waiting = computed(() => [...board.value.alarm.cards.values()].filter(isUnanswered).length + calls.value)

  watchEffect(() => {
    const calm = t('app.title')
    if (stale.value && calls.value === 0) {
      document.title = t('tab.stale', { title: calm })
      showIcon('stale')
    } else if (waiting.value > 0) {
      const lit = stillness.matches || (serverSecond.value / 1000) % 2 === 0
      document.title = lit ? t('tab.waiting', { count: waiting.value }) : calm
      showIcon(lit ? 'alarm' : 'calm')
    } else {
      document.title = calm
      showIcon('calm')
    }
  })
  onUnmounted(() => {
    document.title = t('app.title')
    showIcon('calm')
  })
}
