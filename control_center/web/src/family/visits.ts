import type { OrderCard } from '../contract/types'
import { daysAhead } from '../time/day'

export interface NearVisits {
  /** Done, and waiting for the family to say so. */
  toConfirm: OrderCard[]
  today: OrderCard[]
  tomorrow: OrderCard[]
}

/** An elder's visits as a relative looks for them, each in the newest state that `newest` knows of. */
export function nearVisits(
  visits: readonly OrderCard[],
  newest: (id: number) => OrderCard | undefined,
  now: number,
): NearVisits {
  const known = visits.map((visit) => newest(visit.id) ?? visit).sort(byTime)
  const rest = known.filter((visit) => visit.state !== 'completed')
  return {
    toConfirm: known.filter((visit) => visit.state === 'completed'),
    today: rest.filter((visit) => daysAhead(visit.window_from, now) <= 0),
    tomorrow: rest.filter((visit) => daysAhead(visit.window_from, now) > 0),
  }
}

function byTime(one: OrderCard, other: OrderCard): number {
  return Date.parse(one.window_from) - Date.parse(other.window_from) || one.id - other.id
}
