import { describe, expect, test } from 'vitest'
import { isConfirmed } from '../src/alarms/confirmation'
import { responseStage, searchLeft, whyNotSend } from '../src/alarms/response'
import type { AlarmCard, AlarmResponse } from '../src/contract/types'
import { EMPTY_BOARD, applyFrame } from '../src/feed/board'
import { promiseState } from '../src/time/promises'
import { NOW, at, card, changed, snapshot } from './cards'

const WORKER = { id: 7, name: 'W', provider: 'P', phone: '1' }
const answered = (response: Partial<AlarmResponse> = {}, changes: Partial<AlarmCard> = {}) =>
  card(1, { state: 'acknowledged', ...changes, response: { ...card(1).response, ...response } })
const onScene = { answer: null, dispatch: null, on_scene: { due_at: at(60), met_at: at(-5), breached: false } }

describe('the response to an alarm', () => {
  test('goes from nobody asked over searching to a responder who arrives', () => {
    expect(responseStage(answered())).toBe('none')
    expect(responseStage(answered({ state: 'searching' }))).toBe('searching')
    expect(responseStage(answered({ state: 'nobody' }))).toBe('nobody')
    expect(responseStage(answered({ state: 'found', responder: WORKER }))).toBe('found')
    expect(responseStage(answered({ state: 'found', responder: WORKER }, { sla: onScene }))).toBe('there')
  })

  test('can be begun once the alarm is answered, and again when nobody came', () => {
    expect(whyNotSend(answered(), NOW)).toBeNull()
    expect(whyNotSend(answered({ state: 'nobody' }), NOW)).toBeNull()
  })

  test('cannot be begun before that, nor twice, nor afterwards', () => {
    expect(whyNotSend(card(1), NOW)).toBe('response.answerFirst')
    expect(whyNotSend(card(1, { state: 'pending' }), NOW)).toBe('candidate.hint')
    expect(whyNotSend(answered({ state: 'searching' }), NOW)).toBe('response.running')
    expect(whyNotSend(answered({ state: 'found', responder: WORKER }), NOW)).toBe('response.running')
    expect(whyNotSend(answered({}, { state: 'resolved' }), NOW)).toBe('alarm.ended')
  })

  test('can be begun again when the responder has not arrived in the promised time', () => {
    const promised = (due: number) => ({ answer: null, dispatch: null, on_scene: { due_at: at(due), met_at: null, breached: false } })
    const found = { state: 'found' as const, responder: WORKER }
    expect(whyNotSend(answered(found, { state: 'dispatched', sla: promised(5) }), NOW)).toBe('response.running')
    expect(whyNotSend(answered(found, { state: 'dispatched', sla: promised(-5) }), NOW)).toBeNull()
    expect(whyNotSend(answered(found, { state: 'on_scene', sla: onScene }), NOW + 999_000)).toBe('response.running')
  })

  test('counts down while somebody is being asked, and not below zero', () => {
    expect(searchLeft(answered({ state: 'searching', due_at: at(20) }), NOW)).toBe(20_000)
    expect(searchLeft(answered({ state: 'searching', due_at: at(-3) }), NOW)).toBe(0)
    expect(searchLeft(answered({ state: 'nobody', due_at: null }), NOW)).toBeNull()
  })

  test('is confirmed by any later event of the alarm, even when the search has ended already', () => {
    const before = applyFrame(EMPTY_BOARD, snapshot(10, [answered()]))
    expect(isConfirmed(before, 1, 'dispatch', 10)).toBe(false)
    const after = applyFrame(before, changed(11, answered({ state: 'nobody' }), 'unanswered'))
    expect(isConfirmed(after, 1, 'dispatch', 10)).toBe(true)
  })
})

describe('a promise', () => {
  const target = (due: number, met: number | null = null, breached = false) => ({
    due_at: at(due),
    met_at: met === null ? null : at(met),
    breached,
  })

  test('runs, is kept, or is broken', () => {
    expect(promiseState(target(10), false, NOW)).toBe('running')
    expect(promiseState(target(-1), false, NOW)).toBe('overdue')
    expect(promiseState(target(10, -5), false, NOW)).toBe('kept')
    expect(promiseState(target(-10, -5, true), false, NOW)).toBe('broken')
  })

  test('that was not met when all was over never will be', () => {
    expect(promiseState(target(10), true, NOW)).toBe('never')
  })

  test('that was not made is none', () => {
    expect(promiseState(null, false, NOW)).toBeNull()
  })
})
