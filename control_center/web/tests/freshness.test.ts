import { describe, expect, test } from 'vitest'
import { retryDelay } from '../src/feed/backoff'
import { SILENCE_MS, freshness } from '../src/feed/freshness'

const GOOD = { link: 'open', serviceStale: false, hasData: true, silentMs: 1_900 } as const

describe('a screen', () => {
  test('is fresh while frames come', () => {
    expect(freshness(GOOD).stale).toBe(false)
  })

  test('is stale after six seconds without a frame', () => {
    expect(SILENCE_MS).toBe(6_000)
    expect(freshness({ ...GOOD, silentMs: 5_999 }).stale).toBe(false)
    expect(freshness({ ...GOOD, silentMs: 6_000 })).toMatchObject({ stale: true, reason: 'silent' })
  })

  test('is stale at once when the socket is not open', () => {
    for (const link of ['waiting', 'connecting', 'signed_out', 'forbidden', 'idle'] as const) {
      expect(freshness({ ...GOOD, link, silentMs: 0 })).toMatchObject({ stale: true, reason: 'closed' })
    }
  })

  test('is stale while the service has lost its database', () => {
    expect(freshness({ ...GOOD, serviceStale: true })).toMatchObject({ stale: true, reason: 'service' })
  })

  test('may take a moment to show its first data, but not for long', () => {
    const first = { link: 'connecting', serviceStale: false, hasData: false } as const
    expect(freshness({ ...first, silentMs: 500 }).stale).toBe(false)
    expect(freshness({ ...first, silentMs: 3_000 }).stale).toBe(true)
  })
})

describe('the wait before a retry', () => {
  test('grows with each attempt up to its cap', () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => retryDelay(attempt, () => 0.999999))
    expect(longest).toEqual([499, 999, 1999, 3999, 7999, 14999, 14999, 14999])
  })

  test('is spread over the whole range, so that a thousand screens do not return together', () => {
    expect(retryDelay(5, () => 0)).toBe(200)
    expect(retryDelay(5, () => 0.5)).toBe(7_600)
  })
})
