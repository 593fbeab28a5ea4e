import { onMounted, onUnmounted, readonly, shallowRef } from 'vue'
import { api } from '../contract/api'
import type { LaneHealth } from '../contract/types'

const REFRESH_MS = 15_000
/** Seconds after which the copy of the register is too old to rely on. */
const OLD_COPY = 120

const current = shallowRef<LaneHealth | null>(null)

/** Whether calls would be shown without the database; null until first known. */
export const lane = readonly(current) as Readonly<typeof current>

/** How ready this is: `off` is a choice of whoever set the service up. */
export type LaneState = 'ready' | 'off' | 'deaf' | 'no_copy'

export function laneState(health: LaneHealth): LaneState {
  if (health.listening === null) return 'off'
  if (!health.listening) return 'deaf'
  return health.copy_age_seconds === null || health.copy_age_seconds > OLD_COPY ? 'no_copy' : 'ready'
}

async function load(): Promise<void> {
  try {
    current.value = (await api.unrecorded()).lane
  } catch {
    // Nothing is known then, and the stale banner says why.
    current.value = null
  }
}

/** Keeps it known while the calling component is on the page. */
export function useLane(): void {
  const timer = setInterval(() => void load(), REFRESH_MS)
  onMounted(load)
  onUnmounted(() => {
    clearInterval(timer)
    current.value = null
  })
}
