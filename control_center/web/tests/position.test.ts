import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Spot } from '../src/contract/types'
import { NoPosition, glance, locate, metresBetween } from '../src/worker/locate'
import { PositionReporter, REPORT_EVERY_MS } from '../src/worker/reporter'

const SPOT: Spot = { lat: 29.83, lon: 106.44, accuracy_m: 12.3 }
const COORDS = { latitude: 29.83, longitude: 106.44, accuracy: 12.345 }

type Found = (position: { coords: typeof COORDS }) => void
type Failed = (error: { code: number }) => void
const measurements: { found: Found; failed: Failed }[] = []

beforeEach(() => {
  vi.useFakeTimers()
  measurements.length = 0
  vi.stubGlobal('window', { isSecureContext: true })
  vi.stubGlobal('navigator', {
    geolocation: { getCurrentPosition: (found: Found, failed: Failed) => measurements.push({ found, failed }) },
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a position', () => {
  test('is told in degrees and metres', async () => {
    const asked = locate()
    measurements[0]?.found({ coords: COORDS })
    await expect(asked).resolves.toEqual(SPOT)
  })

  test.each([
    [1, 'denied'],
    [2, 'unavailable'],
    [3, 'timeout'],
  ])('that the browser refuses with %i is %s', async (code, trouble) => {
    const asked = locate()
    measurements[0]?.failed({ code })
    await expect(asked).rejects.toMatchObject({ trouble })
  })

  test('is not to be had on a page that is not secure, or a phone without the means', async () => {
    vi.stubGlobal('window', { isSecureContext: false })
    await expect(locate()).rejects.toMatchObject({ trouble: 'insecure' })
    vi.stubGlobal('window', { isSecureContext: true })
    vi.stubGlobal('navigator', {})
    await expect(locate()).rejects.toMatchObject({ trouble: 'unsupported' })
  })

  test('is measured once for all who ask meanwhile, and anew afterwards', async () => {
    const both = Promise.all([locate(), locate()])
    expect(measurements).toHaveLength(1)
    measurements[0]?.found({ coords: COORDS })
    expect(await both).toEqual([SPOT, SPOT])
    void locate()
    expect(measurements).toHaveLength(2)
    measurements[1]?.found({ coords: COORDS })
    await vi.advanceTimersByTimeAsync(0)
  })

  test('that comes too late for a glance is done without', async () => {
    const glanced = glance(4000)
    await vi.advanceTimersByTimeAsync(4000)
    expect(await glanced).toBeNull()
    measurements[0]?.found({ coords: COORDS })
    await vi.advanceTimersByTimeAsync(0)
  })
})

test('a hundredth of a degree is about a kilometre', () => {
  expect(metresBetween({ lat: 29.83, lon: 106.44 }, { lat: 29.84, lon: 106.44 })).toBeCloseTo(1112, -1)
  expect(metresBetween({ lat: 29.83, lon: 106.44 }, { lat: 29.83, lon: 106.45 })).toBeCloseTo(965, -1)
})

describe('the reporter', () => {
  const sent: Spot[] = []
  const troubles: string[] = []
  let where: () => Promise<Spot>
  let answer: () => Promise<unknown>
  let reporter: PositionReporter

  beforeEach(() => {
    sent.length = troubles.length = 0
    where = () => Promise.resolve(SPOT)
    answer = () => Promise.resolve()
    reporter = new PositionReporter({
      locate: () => where(),
      send: (spot) => {
        sent.push(spot)
        return answer()
      },
      onSent: () => undefined,
      onTrouble: (trouble) => troubles.push(trouble),
    })
  })
  afterEach(() => reporter.stop())

  test('reports at once, then every thirty seconds', async () => {
    reporter.start()
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS - 1)
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(sent).toHaveLength(2)
  })

  test('counts the thirty seconds from the last report, however long measuring took', async () => {
    where = () => new Promise((resolve) => setTimeout(() => resolve(SPOT), 19_000))
    reporter.start()
    await vi.advanceTimersByTimeAsync(19_000)
    where = () => Promise.resolve(SPOT)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS - 1)
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(sent).toHaveLength(2)
  })

  test('says why it cannot, and tries again', async () => {
    where = () => Promise.reject(new NoPosition('denied'))
    reporter.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(troubles).toEqual(['denied'])
    where = () => Promise.resolve(SPOT)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    expect(sent).toEqual([SPOT])
  })

  test('carries on after a report that was lost on the way', async () => {
    answer = () => Promise.reject(new Error('network'))
    reporter.start()
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS)
    expect([sent.length, troubles.length]).toEqual([2, 0])
  })

  test('sends nothing once stopped, not even what was just being measured', async () => {
    let found: (spot: Spot) => void = () => undefined
    where = () => new Promise((resolve) => (found = resolve))
    reporter.start()
    reporter.stop()
    found(SPOT)
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS * 3)
    expect(sent).toEqual([])
  })
})
