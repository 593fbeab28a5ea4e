const HALF_HOUR_MS = 1_800_000
/** The district's offset; it knows no summer time. */
const OFFSET = '+08:00'
const OFFSET_MS = 8 * 3_600_000

/** A day and a time of day in the district, as form fields hold them: `2026-11-22`, `16:30`. */
export interface LocalMoment {
  day: string
  time: string
}

/** The next full or half hour after `now` (ms) in the district. */
export function nextHalfHour(now: number): LocalMoment {
  return localMoment((Math.floor(now / HALF_HOUR_MS) + 1) * HALF_HOUR_MS)
}

/** The district's day and time at `ms`, whatever zone the browser is in. */
export function localMoment(ms: number): LocalMoment {
  const shifted = new Date(ms + OFFSET_MS).toISOString()
  return { day: shifted.slice(0, 10), time: shifted.slice(11, 16) }
}

/** Ms of a day and time in the district, or null when they name no moment. */
export function momentOf({ day, time }: LocalMoment): number | null {
  const ms = Date.parse(`${day}T${time}:00${OFFSET}`)
  return Number.isNaN(ms) ? null : ms
}
