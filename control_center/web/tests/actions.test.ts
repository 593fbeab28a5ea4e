import { describe, expect, test } from 'vitest'
import { isConfirmed } from '../src/alarms/confirmation'
import { EMPTY_BOARD, applyFrame } from '../src/feed/board'
import { commandOf, type Press } from '../src/keys/shortcuts'
import { homeOf } from '../src/session/session'
import { card, changed, removed, snapshot } from './cards'

describe('an action', () => {
  const before = applyFrame(EMPTY_BOARD, snapshot(10, [card(1)]))
  const answered = applyFrame(before, changed(11, card(1, { state: 'acknowledged' }), 'acknowledged'))

  test('to acknowledge is done when the feed shows the alarm answered', () => {
    expect(isConfirmed(before, 1, 'acknowledge', 10)).toBe(false)
    const pressedAgain = applyFrame(before, changed(11, card(1, { signal_count: 2 }), 'signalled'))
    expect(isConfirmed(pressedAgain, 1, 'acknowledge', 10)).toBe(false)
    expect(isConfirmed(answered, 1, 'acknowledge', 10)).toBe(true)
  })

  test('to note is done at the next event of the alarm', () => {
    expect(isConfirmed(answered, 1, 'note', 11)).toBe(false)
    expect(isConfirmed(answered, 1, 'note', 10)).toBe(true)
  })

  test('to resolve is done when the alarm has left the board', () => {
    expect(isConfirmed(answered, 1, 'resolve', 11)).toBe(false)
    expect(isConfirmed(applyFrame(answered, removed(12, 1)), 1, 'resolve', 11)).toBe(true)
  })
})

describe('a key', () => {
  const press = (key: string, changes: Partial<Press> = {}) =>
    commandOf({ key, ctrl: false, alt: false, meta: false, typing: false, covered: false, ...changes })

  test('works the console in either case', () => {
    expect(['a', 'A', 'n', 'r', '?', 'ArrowDown', 'ArrowUp', 'Escape'].map((key) => press(key))).toEqual([
      'acknowledge',
      'acknowledge',
      'note',
      'resolve',
      'help',
      'next',
      'previous',
      'leave',
    ])
    expect(press('x')).toBeNull()
  })

  test('belongs to a field, a dialog or the browser when one of them has it', () => {
    expect(press('a', { typing: true })).toBeNull()
    expect(press('r', { covered: true })).toBeNull()
    expect(press('r', { ctrl: true })).toBeNull()
    expect(press('n', { meta: true })).toBeNull()
  })
})

test('each role begins on its own page', () => {
  expect(homeOf('operator')).toBe('/')
  expect(homeOf('supervisor')).toBe('/')
  expect(homeOf('administrator')).toBe('/system')
  expect(homeOf('worker')).toBe('/worker')
  expect(homeOf('family')).toBe('/family')
})
