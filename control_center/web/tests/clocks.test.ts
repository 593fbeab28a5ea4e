import { describe, expect, test } from 'vitest'
import { answerTime, candidateLeft, runningClock, wasKept } from '../src/alarms/sla'
import { ageOf, clockText } from '../src/time/duration'
import { NOW, at, card } from './cards'

describe('the running clock', () => {
  test('counts down to the time by which the alarm must be answered', () => {
    expect(runningClock(card(1), NOW)).toEqual({ stage: 'answer', leftMs: 30_000, overdue: false })
  })

  test('counts on past that time and is overdue', () => {
    expect(runningClock(card(1), NOW + 90_000)).toEqual({ stage: 'answer', leftMs: -60_000, overdue: true })
  })

  test('moves on to the next target once one is met', () => {
    const answer = { due_at: at(30), met_at: at(-10), breached: false }
    const answered = card(1, {
      state: 'acknowledged',
      sla: { answer, dispatch: { due_at: at(150), met_at: null, breached: false } },
    })
    expect(runningClock(answered, NOW)?.stage).toBe('dispatch')
  })

  test('stands still while it is paused', () => {
    const paused = { since: at(10), until: at(600), reason: 'waiting' }
    const answer = { due_at: at(30), met_at: null, breached: false }
    expect(runningClock(card(1, { sla: { answer, paused } }), NOW + 500_000)?.leftMs).toBe(20_000)
  })

  test('stops when no target is left, while unconfirmed, and when the alarm has ended', () => {
    expect(runningClock(card(1, { sla: { answer: null } }), NOW)).toBeNull()
    expect(runningClock(card(1, { state: 'pending' }), NOW)).toBeNull()
    expect(runningClock(card(1, { state: 'resolved' }), NOW)).toBeNull()
  })
})

test('a fall candidate shows how long the wearer may still cancel, never less than nothing', () => {
  const candidate = card(1, { state: 'pending', next_due: { at: at(12), reason: 'confirm' } })
  expect(candidateLeft(candidate, NOW)).toBe(12_000)
  expect(candidateLeft(candidate, NOW + 60_000)).toBe(0)
  expect(candidateLeft(card(2), NOW)).toBeNull()
})

test('the time to answer is known once there is an answer', () => {
  expect(answerTime(card(1))).toBeNull()
  expect(answerTime(card(1, { acknowledged_at: at(-16) }))).toBe(14_000)
})

test('a target is kept, missed or still open', () => {
  expect(wasKept({ due_at: at(0), met_at: at(-1), breached: false })).toBe(true)
  expect(wasKept({ due_at: at(0), met_at: at(9), breached: true })).toBe(false)
  expect(wasKept({ due_at: at(0), met_at: null, breached: true })).toBe(false)
  expect(wasKept({ due_at: at(9), met_at: null, breached: false })).toBeNull()
  expect(wasKept(null)).toBeNull()
})

test('a clock reads minutes and seconds, with hours only when there are any', () => {
  expect([0, 9_400, 61_000, 3_599_999, 3_600_000, 90_061_000].map(clockText)).toEqual([
    '0:00',
    '0:09',
    '1:01',
    '59:59',
    '1:00:00',
    '25:01:01',
  ])
  expect(clockText(-5_000)).toBe('0:00')
})

test('an age is told in its largest whole unit', () => {
  expect(ageOf(59_999)).toEqual({ unit: 'seconds', count: 59 })
  expect(ageOf(60_000)).toEqual({ unit: 'minutes', count: 1 })
  expect(ageOf(7_200_000)).toEqual({ unit: 'hours', count: 2 })
  expect(ageOf(200_000_000)).toEqual({ unit: 'days', count: 2 })
  expect(ageOf(-1)).toEqual({ unit: 'seconds', count: 0 })
})
