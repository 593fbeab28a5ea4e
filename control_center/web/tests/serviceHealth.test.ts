import { describe, expect, test } from 'vitest'
import type { IngestHealth } from '../src/contract/types'
import { serviceState } from '../src/shell/serviceHealth'

const lane = (changed: Partial<IngestHealth> = {}): IngestHealth => ({
  lane_group: 'telemetry',
  lag_seconds: 0.1,
  shards_unserved: 0,
  behind_since: null,
  watched: true,
  ...changed,
})
const BEHIND = { behind_since: '2026-11-22T08:00:00Z', lag_seconds: 42 }

const GUARD = { listening: true, copy_age_seconds: 3, answers_waiting: 0 }

describe('the service', () => {
  test('is unguarded when calls would not be seen without its database', () => {
    const well = [lane(), lane({ lane_group: 'event' })]
    expect(serviceState(well, false, GUARD)).toBe('ok')
    const faults = [{ listening: false }, { listening: null }, { copy_age_seconds: null }, { copy_age_seconds: 121 }]
    for (const fault of faults) expect(serviceState(well, false, { ...GUARD, ...fault })).toBe('unguarded')
    expect(serviceState([lane(BEHIND)], false, { ...GUARD, listening: false })).toBe('behind')
  })

  test('is well when every lane is watched and keeps up', () => {
    expect(serviceState([lane(), lane({ lane_group: 'event' })], false)).toBe('ok')
  })

  test('is behind when one lane is', () => {
    expect(serviceState([lane(), lane({ ...BEHIND, lane_group: 'event' })], false)).toBe('behind')
    expect(serviceState([lane(BEHIND), lane({ watched: false })], false)).toBe('behind')
  })

  test('is unknown when nobody watches, nothing was heard yet, or the page itself is stale', () => {
    expect(serviceState([lane(), lane({ watched: false })], false)).toBe('unknown')
    expect(serviceState([lane({ ...BEHIND, watched: false })], false)).toBe('unknown')
    expect(serviceState([], false)).toBe('unknown')
    expect(serviceState(null, false)).toBe('unknown')
    expect(serviceState([lane()], true)).toBe('unknown')
  })
})
