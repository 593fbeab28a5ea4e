import { describe, expect, test } from 'vitest'
import { candidates, countBySeverity, inOrderOfUrgency } from '../src/alarms/order'
import type { AlarmCard } from '../src/contract/types'
import { NOW, at, card } from './cards'

const order = (...cards: AlarmCard[]) => inOrderOfUrgency(cards, NOW).map(({ id }) => id)
const overdue = { sla: { answer: { due_at: at(-5), met_at: null, breached: true } } }

describe('the queue', () => {
  test('puts the more severe alarm first, whatever else is true', () => {
    const urgent = card(1, { severity: 'urgent', raised_at: at(-900), ...overdue })
    const emergency = card(2, { state: 'acknowledged' })
    expect(order(card(4, { severity: 'technical' }), card(3, { severity: 'advisory' }), urgent, emergency)).toEqual([
      2, 1, 3, 4,
    ])
  })

  test('puts unanswered alarms before answered ones of the same severity', () => {
    const answered = card(1, { state: 'acknowledged', raised_at: at(-900) })
    expect(order(answered, card(2))).toEqual([2, 1])
  })

  test('puts an overdue alarm before one that still has time', () => {
    expect(order(card(1, { raised_at: at(-55) }), card(2, { raised_at: at(-50), ...overdue }))).toEqual([2, 1])
  })

  test('counts an alarm as overdue the moment its time has passed, before the server says so', () => {
    const justPassed = { sla: { answer: { due_at: at(-1), met_at: null, breached: false } } }
    expect(order(card(1, { raised_at: at(-55) }), card(2, { raised_at: at(-50), ...justPassed }))).toEqual([2, 1])
  })

  test('puts the oldest first among equals', () => {
    expect(order(card(1, { raised_at: at(-10) }), card(2, { raised_at: at(-20) }))).toEqual([2, 1])
  })

  test('puts tests behind every real alarm', () => {
    expect(order(card(1, { is_test: true }), card(2, { severity: 'technical', state: 'acknowledged' }))).toEqual([2, 1])
  })

  test('leaves fall candidates out; they wait in their own list, the next to be confirmed first', () => {
    const later = card(1, { state: 'pending', next_due: { at: at(25), reason: 'confirm' } })
    const sooner = card(2, { state: 'pending', next_due: { at: at(5), reason: 'confirm' } })
    expect(order(later, sooner, card(3))).toEqual([3])
    expect(candidates([later, card(3), sooner]).map(({ id }) => id)).toEqual([2, 1])
  })

  test('counts open alarms by severity without the candidates', () => {
    const counts = countBySeverity([card(1), card(2, { severity: 'urgent' }), card(3, { state: 'pending' })])
    expect(counts).toEqual({ emergency: 1, urgent: 1, advisory: 0, technical: 0 })
  })
})
