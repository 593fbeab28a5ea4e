import { describe, expect, test } from 'vitest'
import { WELLBEINGS, type FamilyAlarm } from '../src/contract/types'
import { nearVisits } from '../src/family/visits'
import { alarmSteps, lookOf } from '../src/family/wellbeing'
import { NOW, at, orderCard } from './cards'
import { familyAlarm } from './phoneCards'

describe('wellbeing', () => {
  test('looks different in every state, without its colour too', () => {
    expect(new Set(WELLBEINGS.map((code) => lookOf(code).glyph)).size).toBe(WELLBEINGS.length)
  })

  test('is red for an alarm alone and green only when all is well', () => {
    expect(WELLBEINGS.filter((code) => lookOf(code).tone === 'bad')).toEqual(['alarm'])
    expect(WELLBEINGS.filter((code) => lookOf(code).tone === 'good')).toEqual(['fine'])
  })
})

describe('the course of an alarm', () => {
  const course = (changes: Partial<FamilyAlarm>) =>
    alarmSteps(familyAlarm(1, changes)).map(({ stage, at: done }) => (done === null ? `${stage}?` : stage))

  test('waits for the answer first', () => {
    expect(course({})).toEqual(['raised', 'answered?'])
  })

  test('promises no departure: help by phone may do', () => {
    expect(course({ answered_at: at(-200) })).toEqual(['raised', 'answered', 'ended?'])
  })

  test('waits for the arrival of who has set out', () => {
    expect(course({ answered_at: at(-200), dispatched_at: at(-100) })).toEqual([
      'raised',
      'answered',
      'dispatched',
      'on_scene?',
    ])
  })

  test('ends with what was done, and waits for nothing', () => {
    expect(course({ answered_at: at(-200), ended_at: at(-10) })).toEqual(['raised', 'answered', 'ended'])
  })
})

describe('near visits', () => {
  const nothingNewer = () => undefined

  test('are those to confirm, today\'s and tomorrow\'s, each by time', () => {
    const visits = [
      orderCard(1, { state: 'accepted', window_from: at(86_400) }),
      orderCard(2, { state: 'accepted', window_from: at(7200) }),
      orderCard(3, { state: 'en_route', window_from: at(600) }),
      orderCard(4, { state: 'completed', window_from: at(-86_400) }),
    ]
    const { toConfirm, today, tomorrow } = nearVisits(visits, nothingNewer, NOW)
    const ids = (cards: { id: number }[]) => cards.map(({ id }) => id)
    expect([ids(toConfirm), ids(today), ids(tomorrow)]).toEqual([[4], [3, 2], [1]])
  })

  test('show the newest state that the feed has told', () => {
    const known = orderCard(1, { state: 'accepted', window_from: at(600) })
    const newest = orderCard(1, { state: 'en_route', window_from: at(600) })
    expect(nearVisits([known], () => newest, NOW).today.map(({ state }) => state)).toEqual(['en_route'])
  })
})
