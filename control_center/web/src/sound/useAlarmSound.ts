import { onMounted, onUnmounted, ref, watch } from 'vue'
import { board, role, stale } from '../feed/store'
import { serverTime } from '../time/clock'
import { isAudible, listenForGesture, play, silence } from './player'
import { isDue, soundDemand, type Played } from './policy'

const STEP_MS = 250

const muted = ref(false)
let last: Played | null = null

/** Muting lasts until the page is left: the next person at the desk starts with sound. */
export const isMuted = muted

/** Sounds the board's alarms while the calling component is on the page. */
export function useAlarmSound(): void {
  let timer: ReturnType<typeof setInterval> | undefined
  let stopListening: (() => void) | undefined
  onMounted(() => {
    stopListening = listenForGesture()
    timer = setInterval(soundWhatIsDue, STEP_MS)
  })
  onUnmounted(() => {
    clearInterval(timer)
    stopListening?.()
    silence()
    last = null
  })
  // Background pages have slow timers, but frames still arrive: each one also looks whether a sound is due.
  watch([board, muted, isAudible], soundWhatIsDue)
}

function soundWhatIsDue(): void {
  const demand = soundDemand(board.value.alarm.cards.values(), role.value, stale.value, {
    calls: board.value.unrecorded,
    now: serverTime(),
  })
  if (demand === null || muted.value) {
    silence()
    last = null
    return
  }
  const now = Date.now()
  if (!isAudible.value || !isDue(demand, last, now)) return
  play(demand)
  last = { demand, at: now }
}
