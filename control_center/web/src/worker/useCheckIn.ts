import { ref, type Ref } from 'vue'
import type { OrderCard } from '../contract/types'
import { work } from './actions'
import { NoPosition, glance, locate, metresBetween, type Trouble } from './locate'

/** Ms that a check-in by code waits for a position. */
const GLANCE_MS = 4_000

/** How the attempt to check in stands: measuring, measured (metres), or without a position. */
export type Attempt =
  | { state: 'idle' }
  | { state: 'locating' }
  | { state: 'located'; accuracy: number; distance: number | null }
  | { state: 'failed'; trouble: Trouble }

/** Checks in with the phone's position, and keeps what was measured for the worker to read. */
export function useCheckIn(): {
  attempt: Ref<Attempt>
  checkIn: (order: OrderCard) => Promise<void>
  checkInByCode: (order: OrderCard, code: string) => Promise<void>
} {
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

  /** By the code that hangs in the home; where the phone is goes with it, if it knows. */
  async function checkInByCode(order: OrderCard, code: string): Promise<void> {
    await work.checkIn(order, await glance(GLANCE_MS), code)
  }

  return { attempt, checkIn, checkInByCode }
}
