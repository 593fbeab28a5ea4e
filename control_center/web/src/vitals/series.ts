import type { Vital, VitalsPoint } from '../contract/types'

/** One strip of the chart: the vitals drawn in it and the band that NEWS2 gives no points for. */
export interface Strip {
  name: string
  vitals: readonly Vital[]
  calm: readonly [number, number]
  /** The least range of the axis, so that a steady value does not look wild. */
  range: readonly [number, number]
}

export const STRIPS: readonly Strip[] = [
  { name: 'hr', vitals: ['hr'], calm: [51, 90], range: [40, 120] },
  { name: 'spo2', vitals: ['spo2'], calm: [96, 100], range: [88, 100] },
  { name: 'rr', vitals: ['rr'], calm: [12, 20], range: [8, 28] },
  { name: 'bp', vitals: ['sbp', 'dbp'], calm: [111, 219], range: [60, 160] },
  { name: 'temp', vitals: ['temp'], calm: [36.1, 38], range: [35, 39] },
]

/** A pause is a gap when it is longer than this and than three of the usual pauses; seconds. */
const GAP_SECONDS = 30 * 60
const GAP_PAUSES = 3
const SHORTEST_SPAN_SECONDS = 60 * 60

export type Columns = [number[], ...(number | null)[][]]

/** Times in seconds and one column per vital, of the points that have any of them; a null breaks the line at a gap. */
export function columnsOf(points: readonly VitalsPoint[], vitals: readonly Vital[]): Columns {
  const own = points.filter((point) => hasAny(point, vitals))
  const gap = gapOf(own.map(secondsOf))
  const times: number[] = []
  const columns: (number | null)[][] = vitals.map(() => [])
  for (const point of own) {
    const time = secondsOf(point)
    const last = times.at(-1)
    if (last !== undefined && time <= last) continue
    if (last !== undefined && time - last > gap) {
      times.push(last + 1)
      for (const column of columns) column.push(null)
    }
    times.push(time)
    vitals.forEach((vital, index) => columns[index]?.push(point[vital] ?? null))
  }
  return [times, ...columns]
}

/** The strips that have at least one value to draw. */
export function stripsWithValues(points: readonly VitalsPoint[]): Strip[] {
  return STRIPS.filter((strip) => points.some((point) => hasAny(point, strip.vitals)))
}

/** The last point at or before `seconds` that has any of `vitals`; without `seconds`, the last of all. */
export function pointAt(
  points: readonly VitalsPoint[],
  vitals: readonly Vital[],
  seconds: number | null,
): VitalsPoint | null {
  const limit = seconds ?? Number.MAX_SAFE_INTEGER
  return points.findLast((point) => secondsOf(point) <= limit && hasAny(point, vitals)) ?? null
}

/** The axis: the strip's own range, widened by values outside it. */
export function axisRange(strip: Strip, low: number | null, high: number | null): [number, number] {
  const [least, most] = strip.range
  return [Math.min(least, low ?? least), Math.max(most, high ?? most)]
}

/** First and last time of all points, in seconds, at least an hour: what every strip spans, whatever values it has. */
export function span(points: readonly VitalsPoint[]): [number, number] {
  const times = points.map(secondsOf)
  const last = Math.max(...times)
  return [Math.min(last - SHORTEST_SPAN_SECONDS, ...times), last]
}

function secondsOf(point: VitalsPoint): number {
  return Date.parse(point.at) / 1000
}

function hasAny(point: VitalsPoint, vitals: readonly Vital[]): boolean {
  return vitals.some((vital) => (point[vital] ?? null) !== null)
}

function gapOf(times: readonly number[]): number {
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? time))
  pauses.sort((a, b) => a - b)
  const usual = pauses[Math.floor(pauses.length / 2)] ?? 0
  return Math.max(GAP_SECONDS, GAP_PAUSES * usual)
}
