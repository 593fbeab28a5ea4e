import { describe, expect, test } from 'vitest'
import type { OrderCard } from '../src/contract/types'
import { countOrders, inGroups } from '../src/orders/groups'
import { itemName } from '../src/orders/item'
import { isAtRisk, isLate, orderClock } from '../src/orders/promises'
import { stepsFor } from '../src/orders/steps'
import { byCondition, totalTurnedAway } from '../src/orders/turnedAway'
import { localMoment, momentOf, nextHalfHour } from '../src/orders/window'
import { NOW, at, orderCard } from './cards'

const promise = (due: number, met: number | null = null, breached = false) => ({
  due_at: at(due),
  met_at: met === null ? null : at(met),
  breached,
})
const attention = { kind: 'late' as const, at: at(-60), turned_away: {}, nearest_miss: null }
const accepted = (arriveIn: number): Partial<OrderCard> => ({
  state: 'accepted',
  sla: { accept: promise(300, -60), arrive: promise(arriveIn), finish: null },
})
const groups = (...cards: OrderCard[]) => inGroups(cards, NOW).map(({ name, cards: found }) => [name, found.map(({ id }) => id)])

describe('the clock of an order', () => {
  test('runs to the first promise that is not met', () => {
    expect(orderClock(orderCard(1), NOW)).toEqual({ stage: 'accept', leftMs: 300_000, overdue: false })
    expect(orderClock(orderCard(1, accepted(3600)), NOW)?.stage).toBe('arrive')
  })

  test('counts on past its time', () => {
    const card = orderCard(1, accepted(-90))
    expect(orderClock(card, NOW)).toEqual({ stage: 'arrive', leftMs: -90_000, overdue: true })
    expect(isLate(card, NOW)).toBe(true)
  })

  test('does not run when the order has ended', () => {
    expect(orderClock(orderCard(1, { ...accepted(-90), ended_at: at(-10) }), NOW)).toBeNull()
  })

  test('warns shortly before a promise passes its time, each in its own measure', () => {
    const accepting = (due: number) => orderCard(1, { sla: { accept: promise(due), arrive: promise(9000), finish: null } })
    expect([181, 180, -1].map((due) => isAtRisk(accepting(due), NOW))).toEqual([false, true, false])
    expect([901, 900].map((due) => isAtRisk(orderCard(1, accepted(due)), NOW))).toEqual([false, true])
  })
})

describe('orders in groups', () => {
  test('stand by what they need, most pressing first', () => {
    const cards = [
      orderCard(1, { state: 'in_service', sla: { accept: promise(0, -9), arrive: promise(0, -5), finish: promise(3000) } }),
      orderCard(2, accepted(7200)),
      orderCard(3),
      orderCard(4, accepted(600)),
      orderCard(5, accepted(-60)),
      orderCard(6, { ...accepted(-60), attention }),
    ]
    expect(groups(...cards)).toEqual([
      ['attention', [6]],
      ['late', [5]],
      ['risk', [4]],
      ['looking', [3]],
      ['coming', [2]],
      ['visiting', [1]],
    ])
  })

  test('leave out groups without orders', () => {
    expect(groups(orderCard(3))).toEqual([['looking', [3]]])
    expect(groups()).toEqual([])
  })

  test('have what is due first in front, then the older order', () => {
    expect(groups(orderCard(8, accepted(5000)), orderCard(9, accepted(4000)), orderCard(7, accepted(5000)))).toEqual([
      ['coming', [9, 7, 8]],
    ])
  })

  test('never put a test before a real order', () => {
    const rehearsal = orderCard(1, { attention, is_test: true, ...accepted(-900) })
    expect(groups(rehearsal, orderCard(2, { attention }))).toEqual([['attention', [2, 1]]])
  })

  test('put an order that is both late and in need of a person under attention only', () => {
    expect(groups(orderCard(1, { ...accepted(-900), attention }))).toEqual([['attention', [1]]])
  })
})

test('orders are counted by need, without tests', () => {
  const cards = [orderCard(1), orderCard(2, { ...accepted(-60), attention }), orderCard(3, { ...accepted(-60), is_test: true })]
  expect(countOrders(cards, NOW)).toEqual({ open: 2, attention: 1, late: 1 })
})

describe('who was turned away', () => {
  test('stands by condition, most first, equal ones in the order in which they are asked', () => {
    const found = byCondition({ shift: 9, skill: 3, busy: 9, area: 0 })
    expect(found).toEqual([
      { condition: 'shift', count: 9 },
      { condition: 'busy', count: 9 },
      { condition: 'skill', count: 3 },
    ])
  })

  test('is counted', () => {
    expect(totalTurnedAway({ shift: 9, skill: 3 })).toBe(12)
    expect(totalTurnedAway({})).toBe(0)
  })
})

describe('the steps of staff', () => {
  const steps = (state: OrderCard['state']) => stepsFor(orderCard(1, { state }))

  test('depend on the state of the order', () => {
    expect(steps('requested')).toEqual(['search', 'assign', 'cancel'])
    expect(steps('offered')).toEqual(['assign', 'cancel'])
    expect(steps('en_route')).toEqual(['assign', 'reassign', 'cancel'])
    expect(steps('in_service')).toEqual(['cancel'])
    expect(steps('completed')).toEqual(['confirm'])
    expect(steps('confirmed')).toEqual([])
  })
})

describe('the window of a new order', () => {
  test('begins with the next half hour in the district, whatever zone the browser is in', () => {
    expect(nextHalfHour(Date.parse('2026-11-22T08:00:00Z'))).toEqual({ day: '2026-11-22', time: '16:30' })
    expect(nextHalfHour(Date.parse('2026-11-22T08:29:59Z'))).toEqual({ day: '2026-11-22', time: '16:30' })
    expect(nextHalfHour(Date.parse('2026-11-22T15:45:00Z'))).toEqual({ day: '2026-11-23', time: '00:00' })
  })

  test('is the moment that its fields name', () => {
    expect(momentOf({ day: '2026-11-22', time: '16:30' })).toBe(Date.parse('2026-11-22T08:30:00Z'))
    expect(localMoment(Date.parse('2026-11-22T08:30:00Z'))).toEqual({ day: '2026-11-22', time: '16:30' })
  })

  test('is none when a field is empty or names no day', () => {
    expect(momentOf({ day: '', time: '16:30' })).toBeNull()
    expect(momentOf({ day: '2026-11-22', time: '' })).toBeNull()
    expect(momentOf({ day: '2026-13-40', time: '10:00' })).toBeNull()
  })
})

test('an item is named in the language of the page', () => {
  const { item } = orderCard(1)
  expect([itemName(item, 'zh-CN'), itemName(item, 'en')]).toEqual(['Z', 'Meal delivery'])
})
