import { describe, expect, test } from 'vitest'
import { isDue, isEscalatedTo, soundDemand } from '../src/sound/policy'
import { tonesOf, volumeOf } from '../src/sound/tones'
import { card } from './cards'

const urgent = card(2, { severity: 'urgent' })

describe('what is heard', () => {
  test('is silence when every alarm is answered', () => {
    expect(soundDemand([card(1, { state: 'acknowledged' }), card(2, { state: 'pending' })], 'operator', false)).toBeNull()
    expect(soundDemand([], 'operator', false)).toBeNull()
  })

  test('follows the most severe unanswered alarm', () => {
    expect(soundDemand([urgent], 'operator', false)?.pattern).toBe('urgent')
    expect(soundDemand([urgent, card(1)], 'operator', false)?.pattern).toBe('emergency')
    expect(soundDemand([urgent, card(1, { state: 'acknowledged' })], 'operator', false)?.pattern).toBe('urgent')
  })

  test('is a quiet chime for advice, technical alarms and tests', () => {
    const quiet = [card(1, { severity: 'advisory' }), card(2, { severity: 'technical' }), card(3, { is_test: true })]
    for (const only of quiet) expect(soundDemand([only], 'operator', false)?.pattern).toBe('advisory')
  })

  test('is louder and quicker once the alarm has been escalated to this role', () => {
    const escalated = card(1, { escalation: { level: 2, roles: ['second_seat', 'supervisor'] } })
    const plain = soundDemand([card(1)], 'supervisor', false)
    const loud = soundDemand([escalated], 'supervisor', false)
    expect([plain?.louder, loud?.louder]).toEqual([false, true])
    expect(loud?.everyMs).toBeLessThan(plain?.everyMs ?? 0)
    expect(isEscalatedTo(escalated, 'operator')).toBe(true)
    expect(isEscalatedTo(card(1, { escalation: { level: 1, roles: ['second_seat'] } }), 'supervisor')).toBe(false)
  })

  test('warns of a stale screen unless a known alarm sounds already', () => {
    expect(soundDemand([], 'operator', true)?.pattern).toBe('stale')
    expect(soundDemand([card(1)], 'operator', true)?.pattern).toBe('emergency')
  })
})

describe('when it is heard', () => {
  const emergency = { pattern: 'emergency', louder: false, everyMs: 4_000 } as const
  const lesser = { pattern: 'urgent', louder: false, everyMs: 8_000 } as const

  test('at once, then in its rhythm for as long as it is demanded', () => {
    expect(isDue(emergency, null, 0)).toBe(true)
    expect(isDue(emergency, { demand: emergency, at: 0 }, 3_999)).toBe(false)
    expect(isDue(emergency, { demand: emergency, at: 0 }, 4_000)).toBe(true)
  })

  test('at once when something more pressing or an escalation comes', () => {
    expect(isDue(emergency, { demand: lesser, at: 0 }, 10)).toBe(true)
    expect(isDue({ ...lesser, louder: true }, { demand: lesser, at: 0 }, 10)).toBe(true)
    expect(isDue(lesser, { demand: emergency, at: 0 }, 10)).toBe(false)
  })
})

test('each pattern sounds different, and an escalated one is louder and longer', () => {
  const patterns = ['emergency', 'urgent', 'advisory', 'stale'] as const
  const shapes = patterns.map((pattern) => JSON.stringify(tonesOf(pattern, false)))
  expect(new Set(shapes).size).toBe(patterns.length)
  expect(volumeOf('urgent', true)).toBeGreaterThan(volumeOf('urgent', false))
  expect(tonesOf('urgent', true)).toHaveLength(2 * tonesOf('urgent', false).length)
})
