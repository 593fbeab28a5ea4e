import { describe, expect, test } from 'vitest'
import { ORDER_STATES } from '../src/contract/types'
import { byUrgency, countdown } from '../src/worker/countdown'
import { roughly } from '../src/worker/distance'
import { departures, offerFarewell, visitFarewell } from '../src/worker/farewell'
import { geoLink } from '../src/worker/geoLink'
import { stillOpen } from '../src/worker/hall'
import { canFail, nextStep, pickupsOf, sortVisits, visitClock, withPickups } from '../src/worker/visits'
import { NOW, at, offerCard, orderCard } from './cards'
import { hallEntry, pickup, workDay } from './phoneCards'

describe('the countdown of an offer', () => {
  const offer = offerCard(1, { offered_at: at(-30), expires_at: at(60) })

  test('counts whole seconds and the share that is left', () => {
    expect(countdown(offer, NOW)).toEqual({ seconds: 60, share: 60 / 90, isLast: false })
  })

  test('says 1 until the very end, then 0, and never less', () => {
    expect(countdown(offer, NOW + 59_001).seconds).toBe(1)
    expect(countdown(offer, NOW + 60_000)).toEqual({ seconds: 0, share: 0, isLast: true })
    expect(countdown(offer, NOW + 99_000).seconds).toBe(0)
  })

  test('is pressing in its last fifteen seconds', () => {
    expect(countdown(offer, NOW + 44_000).isLast).toBe(false)
    expect(countdown(offer, NOW + 45_000).isLast).toBe(true)
  })

  test('never exceeds what was given, even if this clock is behind the server', () => {
    expect(countdown(offer, NOW - 500_000)).toEqual({ seconds: 90, share: 1, isLast: false })
  })
})

test('alarms are offered before orders, then what ends first', () => {
  const alarm = { id: 9, kind: 'fall', severity: 'emergency' as const }
  const offers = [
    offerCard(1, { expires_at: at(50) }),
    offerCard(2, { expires_at: at(20) }),
    offerCard(3, { expires_at: at(90), order: null, alarm }),
  ]
  expect(byUrgency(offers).map(({ id }) => id)).toEqual([3, 2, 1])
})

describe('the next step of a visit', () => {
  test('leads from acceptance to completion', () => {
    expect(['accepted', 'en_route', 'checked_in', 'in_service'].map((state) => nextStep(state as 'accepted'))).toEqual([
      'depart',
      'check_in',
      'begin',
      'complete',
    ])
  })

  test('exists in no other state', () => {
    expect(ORDER_STATES.filter((state) => nextStep(state) !== null)).toHaveLength(4)
  })

  test('may be replaced by "cannot be done" once the worker has set out', () => {
    expect(ORDER_STATES.filter(canFail)).toEqual(['en_route', 'checked_in', 'in_service'])
  })
})

describe('visits', () => {
  test('follow the plan of the day, and their windows where there is none', () => {
    const orders = [
      orderCard(1, { state: 'accepted', window_from: at(3600), planned_at: at(9000) }),
      orderCard(2, { state: 'accepted', window_from: at(7200), planned_at: at(7200) }),
      orderCard(3, { state: 'accepted', window_from: at(8000), planned_at: null }),
    ]
    expect(sortVisits(orders, NOW).today.map(({ id }) => id)).toEqual([2, 3, 1])
  })

  test('put the one under way first, then follow their windows', () => {
    const orders = [
      orderCard(1, { state: 'accepted', window_from: at(7200) }),
      orderCard(2, { state: 'accepted', window_from: at(3600) }),
      orderCard(3, { state: 'en_route', window_from: at(9000) }),
      orderCard(4, { state: 'in_service', window_from: at(9900) }),
    ]
    expect(sortVisits(orders, NOW).today.map(({ id }) => id)).toEqual([4, 3, 2, 1])
  })

  test('of another day wait in their own list, unless they are left over or have begun', () => {
    const orders = [
      orderCard(1, { state: 'accepted', window_from: at(86_400) }),
      orderCard(2, { state: 'accepted', window_from: at(-86_400) }),
      orderCard(3, { state: 'en_route', window_from: at(86_400) }),
    ]
    const { today, later } = sortVisits(orders, NOW)
    expect([today.map(({ id }) => id), later.map(({ id }) => id)]).toEqual([[3, 2], [1]])
  })

  test('turn to the next day at midnight in the district, not in London', () => {
    const order = orderCard(1, { state: 'accepted', window_from: '2026-11-22T16:30:00Z' })
    expect(sortVisits([order], Date.parse('2026-11-22T15:59:00Z')).later).toHaveLength(1)
    expect(sortVisits([order], Date.parse('2026-11-22T16:01:00Z')).today).toHaveLength(1)
  })

  test('that are not the worker\'s to do are left out', () => {
    expect(sortVisits([orderCard(1, { state: 'completed' }), orderCard(2, { state: 'offered' })], NOW).today).toEqual([])
  })
})

describe('kitchens', () => {
  const first = orderCard(1, { state: 'accepted', planned_at: at(300) })
  const second = orderCard(2, { state: 'accepted', planned_at: at(900) })
  const third = orderCard(3, { state: 'accepted', planned_at: at(1500) })
  const inTurn = (orders: (typeof first)[], ...pickups: ReturnType<typeof pickup>[]) =>
    withPickups(orders, pickups).map((stop) => stop.order?.id ?? stop.pickup?.kitchen)

  test('stand where they are left for the meals, once for all that leave together', () => {
    expect(inTurn([first, second, third], pickup([2, 3]))).toEqual([1, 'North kitchen', 2, 3])
  })

  test('stand before what is done between the kitchen and the door', () => {
    expect(inTurn([first, second, third], pickup([3]))).toEqual([1, 'North kitchen', 2, 3])
  })

  test('stand before the visit that she has set out for, and after another', () => {
    const underWay = { ...second, state: 'en_route' as const }
    expect(inTurn([underWay, first], pickup([2]))).toEqual(['North kitchen', 2, 1])
    expect(inTurn([underWay, third], pickup([3]))).toEqual([2, 'North kitchen', 3])
  })

  test('of other days and of meals that are delivered are left out', () => {
    expect(inTurn([first], pickup([9]))).toEqual([1])
    const there = { ...second, state: 'checked_in' as const }
    expect(pickupsOf(workDay(pickup([1]), pickup([2])), [first, there])).toEqual([pickup([1])])
    expect(pickupsOf(null, [first])).toEqual([])
  })
})

test('the hall no longer shows what its time is over of, nor what the worker has', () => {
  const entries = [hallEntry(1), hallEntry(2, { hall_until: at(0) }), hallEntry(3)]
  expect(stillOpen(entries, new Map([[3, orderCard(3)]]), NOW)).toEqual([entries[0]])
})

describe('the clock of a visit', () => {
  const visit = orderCard(1, { state: 'en_route', window_from: at(600), window_to: at(1200) })

  test('counts to the window, through it, and beyond it', () => {
    expect(visitClock(visit, NOW)).toEqual({ kind: 'opens_in', ms: 600_000, isBad: false })
    expect(visitClock(visit, NOW + 700_000)).toEqual({ kind: 'closes_in', ms: 500_000, isBad: false })
    expect(visitClock(visit, NOW + 1_260_000)).toEqual({ kind: 'late', ms: 60_000, isBad: true })
  })

  test('counts the service, and what it takes beyond its plan', () => {
    const served = orderCard(1, { state: 'in_service', checked_in_at: at(-900), begun_at: at(-600) })
    expect(visitClock(served, NOW)).toEqual({ kind: 'serving', ms: 600_000, isBad: false })
    expect(visitClock(served, NOW + 1_260_000)).toEqual({ kind: 'over', ms: 60_000, isBad: true })
  })

  test('waits between check-in and the beginning', () => {
    expect(visitClock(orderCard(1, { state: 'checked_in', checked_in_at: at(-60) }), NOW).kind).toBe('waiting')
  })
})

describe('what has left', () => {
  test('is told by the last state of the offer', () => {
    const told = (['accepted', 'declined', 'expired', 'withdrawn', 'lost'] as const).map((state) =>
      offerFarewell({ card: offerCard(1, { state }), reason: 'ended' }),
    )
    expect(told).toEqual(['accepted', 'declined', 'expired', 'withdrawn', 'lost'])
  })

  test('is merely gone when nobody said why', () => {
    expect(offerFarewell({ card: offerCard(1), reason: 'unseen' })).toBe('gone')
    expect(offerFarewell({ card: null, reason: 'out_of_scope' })).toBe('gone')
  })

  test('is a cancelled or reassigned visit, but not one that the worker ended', () => {
    expect(visitFarewell({ card: orderCard(1, { state: 'cancelled' }), reason: 'ended' })).toBe('cancelled')
    expect(visitFarewell({ card: null, reason: 'out_of_scope' })).toBe('reassigned')
    expect(visitFarewell({ card: orderCard(1, { state: 'completed' }), reason: 'ended' })).toBeNull()
    expect(visitFarewell({ card: orderCard(1, { state: 'failed' }), reason: 'ended' })).toBeNull()
  })

  test('is told once', () => {
    const gone = { card: offerCard(1, { state: 'expired' }), reason: 'ended' as const }
    const before = new Map([[1, gone]])
    expect(departures(new Map(before).set(2, gone), before)).toEqual([[2, gone]])
  })
})

test('a distance is told roughly', () => {
  expect([12, 130, 974, 980, 12_340].map(roughly)).toEqual([
    { unit: 'metres', count: 50 },
    { unit: 'metres', count: 150 },
    { unit: 'metres', count: 950 },
    { unit: 'kilometres', count: 1 },
    { unit: 'kilometres', count: 12.3 },
  ])
})

test('the way is shown to the place, or looked for by its address', () => {
  expect(geoLink({ lat: 29.83, lon: 106.44 }, 'A 1')).toBe('geo:29.83,106.44?q=29.83,106.44(A%201)')
  expect(geoLink(null, 'A 1')).toBe('geo:0,0?q=A%201')
})
