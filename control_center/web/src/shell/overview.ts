import { onMounted, onUnmounted, readonly, shallowRef } from 'vue'
import { api } from '../contract/api'
import type { Overview } from '../contract/types'
import { onNews } from '../feed/store'

const REFRESH_MS = 30_000
/** Several frames in a row are answered by one request. */
const SETTLE_MS = 600

const current = shallowRef<Overview | null>(null)

/** Today's figures, a little old at most; null until first known. */
export const overview = readonly(current) as Readonly<typeof current>

async function load(): Promise<void> {
  try {
    current.value = await api.overview()
  } catch {
    // The figures are not an alarm: the stale banner already says when the server cannot be reached.
  }
}

/** Keeps the figures fresh while the calling component is on the page. */
export function useOverview(): void {
  let settle: ReturnType<typeof setTimeout> | undefined
  const stop = onNews((frame) => {
    if (frame.type === 'tick') return
    clearTimeout(settle)
    settle = setTimeout(() => void load(), SETTLE_MS)
  })
  const timer = setInterval(() => void load(), REFRESH_MS)
  onMounted(load)
  onUnmounted(() => {
    stop()
    clearInterval(timer)
    clearTimeout(settle)
    current.value = null
  })
}

/** Whole percent of today's answered alarms that were answered in time, or null when none were answered. */
export function keptPercent(today: Overview['today']): number | null {
  return today.answered === 0 ? null : Math.floor((100 * today.answered_within_target) / today.answered)
}
