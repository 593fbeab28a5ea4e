import type { OrderCard, OrderState } from '../contract/types'
import type { Pickup, WorkDay } from '../contract/workDay'
import { daysAhead } from '../time/day'

/** What a worker does next for a visit. */
export type Step = 'depart' | 'check_in' | 'begin' | 'complete'

const NEXT: Partial<Record<OrderState, Step>> = {
  accepted: 'depart',
  en_route: 'check_in',
  checked_in: 'begin',
  in_service: 'complete',
}
/** The visit nearest to its end comes first: it is the one that the worker is at. */
const PROGRESS: readonly OrderState[] = ['in_service', 'checked_in', 'en_route', 'accepted']

/** The next step of an order, null when its worker has none. */
export function nextStep(state: OrderState): Step | null {
  return NEXT[state] ?? null
}

/** Whether the worker may say that the visit cannot be done: once she has set out. */
export function canFail(state: OrderState): boolean {
  return state === 'en_route' || state === 'checked_in' || state === 'in_service'
}

export interface Visits {
  /** Begun ones first, then in the order in which they are expected. */
  today: OrderCard[]
  later: OrderCard[]
}

/** A worker's visits at server time `now` (ms); one that is left over from before, or has begun, is today's. */
export function sortVisits(orders: Iterable<OrderCard>, now: number): Visits {
  const mine = [...orders].filter((order) => nextStep(order.state) !== null).sort(inTurn)
  const isLater = (order: OrderCard) => order.state === 'accepted' && daysAhead(beginsAt(order), now) > 0
  return { today: mine.filter((order) => !isLater(order)), later: mine.filter(isLater) }
}

/** When a visit is expected to begin; before anybody has said so, when its window opens. */
export function beginsAt(order: OrderCard): string {
  return order.planned_at ?? order.window_from
}

function inTurn(one: OrderCard, other: OrderCard): number {
  return (
    PROGRESS.indexOf(one.state) - PROGRESS.indexOf(other.state) ||
    Date.parse(beginsAt(one)) - Date.parse(beginsAt(other)) ||
    one.id - other.id
  )
}

/** One thing that a worker does next: fetch meals, or visit. */
export type Stop = { key: string; pickup: Pickup; order?: undefined } | { key: string; order: OrderCard; pickup?: undefined }

/** The kitchens of a day as fetched, those left out whose meals are all at their doors or not this worker's any more. */
export function pickupsOf(day: WorkDay | null, orders: readonly OrderCard[]): Pickup[] {
  const waiting = new Set(orders.filter(isOnTheWay).map((order) => order.id))
  const known = (day?.stops ?? []).flatMap((stop) => stop.pickup ?? [])
  return known.filter((pickup) => pickup.order_ids.some((id) => waiting.has(id)))
}

/** Sorted visits with the kitchens between them: each before the first visit that waits for its meals or is later. */
export function withPickups(orders: readonly OrderCard[], pickups: readonly Pickup[]): Stop[] {
  const left = pickups.filter((pickup) => orders.some((order) => pickup.order_ids.includes(order.id)))
  const stops: Stop[] = []
  for (const order of orders) {
    for (const pickup of [...left]) {
      const leaves = Date.parse(pickup.leave_at)
      const comesFirst = order.state === 'accepted' && leaves <= Date.parse(beginsAt(order))
      if (!comesFirst && !pickup.order_ids.includes(order.id)) continue
      stops.push({ key: `pickup-${pickup.kitchen}-${pickup.leave_at}`, pickup })
      left.splice(left.indexOf(pickup), 1)
    }
    stops.push({ key: `visit-${order.id}`, order })
  }
  return stops
}

function isOnTheWay(order: OrderCard): boolean {
  return order.state === 'accepted' || order.state === 'en_route'
}

/** How a visit stands against its time; ms, never negative. */
export interface VisitClock {
  kind: 'opens_in' | 'closes_in' | 'late' | 'waiting' | 'serving' | 'over'
  ms: number
  isBad: boolean
}

/** The clock that matters for a visit at server time `now` (ms): arriving in its window, then not overrunning. */
export function visitClock(order: OrderCard, now: number): VisitClock {
  if (order.state === 'in_service' || order.state === 'checked_in') return stayClock(order, now)
  const opens = Date.parse(order.window_from) - now
  if (opens > 0) return { kind: 'opens_in', ms: opens, isBad: false }
  const closes = Date.parse(order.window_to) - now
  return closes > 0 ? { kind: 'closes_in', ms: closes, isBad: false } : { kind: 'late', ms: -closes, isBad: true }
}

function stayClock(order: OrderCard, now: number): VisitClock {
  const since = Math.max(0, now - Date.parse(order.begun_at ?? order.checked_in_at ?? order.window_from))
  if (order.state === 'checked_in') return { kind: 'waiting', ms: since, isBad: false }
  const beyond = since - order.item.duration_minutes * 60_000
  return beyond > 0 ? { kind: 'over', ms: beyond, isBad: true } : { kind: 'serving', ms: since, isBad: false }
}
