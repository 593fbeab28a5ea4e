import type { OrderCard } from '../contract/types'
import { isAtRisk, isLate, orderClock } from './promises'

/** What an order needs, most pressing first. */
export const GROUPS = ['attention', 'late', 'risk', 'looking', 'coming', 'visiting'] as const
export type GroupName = (typeof GROUPS)[number]

export interface Group {
  name: GroupName
  cards: OrderCard[]
}

/** Open orders by what they need, each group by what is due first; empty groups are left out. `now` in ms. */
export function inGroups(cards: Iterable<OrderCard>, now: number): Group[] {
  const groups = new Map<GroupName, OrderCard[]>(GROUPS.map((name) => [name, []]))
  for (const card of cards) groups.get(groupOf(card, now))?.push(card)
  return [...groups]
    .filter(([, found]) => found.length > 0)
    .map(([name, found]) => ({ name, cards: found.sort((a, b) => compare(a, b, now)) }))
}

export interface OrderCounts {
  open: number
  attention: number
  late: number
}

/** Tests are not counted. */
export function countOrders(cards: Iterable<OrderCard>, now: number): OrderCounts {
  const real = [...cards].filter((card) => !card.is_test)
  return {
    open: real.length,
    attention: real.filter((card) => card.attention !== null).length,
    late: real.filter((card) => isLate(card, now)).length,
  }
}

function groupOf(card: OrderCard, now: number): GroupName {
  if (card.attention !== null) return 'attention'
  if (isLate(card, now)) return 'late'
  if (isAtRisk(card, now)) return 'risk'
  if (card.state === 'requested' || card.state === 'offered') return 'looking'
  return card.state === 'accepted' || card.state === 'en_route' ? 'coming' : 'visiting'
}

/** A test never stands before a real order; then what is due first, the earlier visit, the older order. */
function compare(a: OrderCard, b: OrderCard, now: number): number {
  return (
    Number(a.is_test) - Number(b.is_test) ||
    leftOf(a, now) - leftOf(b, now) ||
    Date.parse(a.window_from) - Date.parse(b.window_from) ||
    a.id - b.id
  )
}

function leftOf(card: OrderCard, now: number): number {
  return orderClock(card, now)?.leftMs ?? Number.MAX_SAFE_INTEGER
}
