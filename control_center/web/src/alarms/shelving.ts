/** For how long an alarm may be put aside: minutes, or until the next morning. */
export const SHELVE_FOR = ['m30', 'h1', 'h4', 'morning'] as const
export type ShelveFor = (typeof SHELVE_FOR)[number]

const MINUTE_MS = 60_000
const MINUTES: Record<Exclude<ShelveFor, 'morning'>, number> = { m30: 30, h1: 60, h4: 240 }
const MORNING_HOUR = 8
/** China has one time zone and no summer time. */
const DISTRICT_OFFSET_MS = 8 * 60 * MINUTE_MS
const DAY_MS = 24 * 60 * MINUTE_MS

/** When an alarm that is put aside at `now` (server time, ms) rings again: at a full minute. */
export function shelvedUntil(choice: ShelveFor, now: number): Date {
  if (choice !== 'morning') return new Date((Math.floor(now / MINUTE_MS) + MINUTES[choice]) * MINUTE_MS)
  const midnight = Math.floor((now + DISTRICT_OFFSET_MS) / DAY_MS) * DAY_MS - DISTRICT_OFFSET_MS
  const today = midnight + MORNING_HOUR * 60 * MINUTE_MS
  return new Date(today > now ? today : today + DAY_MS)
}
