import { ref, type Ref } from 'vue'
import type { OrderCard } from '../contract/types'
import { work } from './actions'
import { NoPosition, locate, metresBetween, type Trouble } from './locate'

/** How the attempt to check in stands: measuring, measured (metres), or without a position. */
export type Attempt =
  | { state: 'idle' }
  | { state: 'locating' }
  | { state: 'located'; accuracy: number; distance: number | null }
  | { state: 'failed'; trouble: Trouble }

/** Checks in with the phone's position, and keeps what was measured for the worker to read. */
export function useCheckIn(): { attempt: Ref<Attempt>; checkIn: (order: OrderCard) => Promise<void> } {
  const attempt = ref<Attempt>({ state: 'idle' })

  async function checkIn(order: OrderCard): Promise<void> {
    if (attempt.value.state === 'locating') return
    attempt.value = { state: 'locating' }
    try {
      const spot = await locate()
      const distance = order.home ? metresBetween(order.home, spot) : null
      attempt.value = { state: 'located', accuracy: Math.round(spot.accuracy_m), distance }
      if (await work.checkIn(order, spot)) attempt.value = { state: 'idle' }
    } catch (error) {
      attempt.value = { state: 'failed', trouble: error instanceof NoPosition ? error.trouble : 'unavailable' }
    }
  }

  return { attempt, checkIn }
}
