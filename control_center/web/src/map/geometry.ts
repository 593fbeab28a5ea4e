import type { Rectangle } from '../contract/api'
import type { Point } from '../contract/types'

const EARTH_M = 6_371_000
const RADIAN = Math.PI / 180

/** Metres between two places along the great circle. */
export function distanceM(a: Point, b: Point): number {
  const half = (degrees: number) => Math.sin((degrees * RADIAN) / 2) ** 2
  const h = half(b.lat - a.lat) + Math.cos(a.lat * RADIAN) * Math.cos(b.lat * RADIAN) * half(b.lon - a.lon)
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** The smallest rectangle around `points`, widened by `margin` degrees on every side. */
export function around(points: readonly Point[], margin = 0): Rectangle {
  const lons = points.map(({ lon }) => lon)
  const lats = points.map(({ lat }) => lat)
  return {
    west: Math.min(...lons) - margin,
    south: Math.min(...lats) - margin,
    east: Math.max(...lons) + margin,
    north: Math.max(...lats) + margin,
  }
}

/** The four quarters of a rectangle. */
export function quarters({ west, south, east, north }: Rectangle): Rectangle[] {
  const lon = (west + east) / 2
  const lat = (south + north) / 2
  return [
    { west, south, east: lon, north: lat },
    { west: lon, south, east, north: lat },
    { west, south: lat, east: lon, north },
    { west: lon, south: lat, east, north },
  ]
}
