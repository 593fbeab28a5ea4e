import type { OrderCard, OrderSlaStage } from '../contract/types'
import { firstUnmet, type RunningClock } from '../time/promises'

export const ORDER_STAGES: readonly OrderSlaStage[] = ['accept', 'arrive', 'finish']

/** Ms before a promise is due at which an operator should look. */
const WARN_MS: Readonly<Record<OrderSlaStage, number>> = { accept: 180_000, arrive: 900_000, finish: 600_000 }

/** The promise that an open order is working towards, or null when it has none left. `now` is server time in ms. */
export function orderClock(card: OrderCard, now: number): RunningClock<OrderSlaStage> | null {
  return isOver(card) ? null : firstUnmet(ORDER_STAGES, card.sla, now)
}

/** True once nothing is left to do at the elder's home. */
export function isOver(card: OrderCard): boolean {
  return card.ended_at !== null
}

/** True while a promise that is still unmet has passed its time. */
export function isLate(card: OrderCard, now: number): boolean {
  return orderClock(card, now)?.overdue ?? false
}

/** True shortly before an unmet promise passes its time. */
export function isAtRisk(card: OrderCard, now: number): boolean {
  const clock = orderClock(card, now)
  return clock !== null && !clock.overdue && clock.leftMs <= WARN_MS[clock.stage]
}
