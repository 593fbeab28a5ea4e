import { describe, expect, test } from 'vitest'
import type { VitalsPoint } from '../src/contract/types'
import { axisRange, columnsOf, pointAt, span, STRIPS, stripsWithValues } from '../src/vitals/series'
import { at } from './cards'

const minutes = (minute: number, values: Partial<VitalsPoint>): VitalsPoint => ({ at: at(minute * 60), ...values })

describe('the chart', () => {
  test('draws absent values as absent, never as zero', () => {
    const points = [minutes(0, { sbp: 120, dbp: null }), minutes(5, { sbp: 122, dbp: 80 })]
    expect(columnsOf(points, ['sbp', 'dbp']).slice(1)).toEqual([
      [120, 122],
      [null, 80],
    ])
  })

  test('breaks the line over a long pause and bridges a short one', () => {
    const points = [0, 5, 10, 90, 95].map((minute) => minutes(minute, { hr: 70 }))
    expect(columnsOf(points, ['hr'])[1]).toEqual([70, 70, 70, null, 70, 70])
  })

  test('joins values that are measured seldom but regularly', () => {
    const points = [0, 180, 360].map((minute) => minutes(minute, { sbp: 120, dbp: 80 }))
    expect(columnsOf(points, ['sbp'])[1]).toEqual([120, 120, 120])
  })

  test('never goes back in time', () => {
    const points = [0, 5, 5, 3].map((minute) => minutes(minute, { hr: 70 + minute }))
    expect(columnsOf(points, ['hr'])[1]).toEqual([70, 75])
  })

  test('shows only the strips that have something to draw', () => {
    const points = [minutes(0, { hr: 70, spo2: null }), minutes(5, { temp: 36.5 })]
    expect(stripsWithValues(points).map(({ name }) => name)).toEqual(['hr', 'temp'])
  })

  test('spans the time of all points, and an hour when there are only a few yet', () => {
    const length = (...points: VitalsPoint[]) => span(points)[1] - span(points)[0]
    expect(length(minutes(0, { hr: 70 }), minutes(300, { temp: 36.5 }))).toBe(300 * 60)
    expect(length(minutes(0, { hr: 70 }))).toBe(60 * 60)
  })

  test('widens an axis for values outside its usual range', () => {
    const heart = STRIPS[0]
    if (!heart) throw new Error('no strip')
    expect(axisRange(heart, 60, 80)).toEqual([40, 120])
    expect(axisRange(heart, 31, 160)).toEqual([31, 160])
    expect(axisRange(heart, null, null)).toEqual([40, 120])
  })

  test('reads the last value at or before the cursor', () => {
    const points = [minutes(0, { hr: 70 }), minutes(5, { hr: null }), minutes(10, { hr: 80 })]
    const second = Date.parse(at(7 * 60)) / 1000
    expect(pointAt(points, ['hr'], second)?.hr).toBe(70)
    expect(pointAt(points, ['hr'], null)?.hr).toBe(80)
    expect(pointAt(points, ['rr'], null)).toBeNull()
  })
})
