/** The district lives in one time zone; a browser set to another must not shift its days. */
export const TIME_ZONE = 'Asia/Shanghai'

const DAY_MS = 86_400_000
const calendar = new Intl.DateTimeFormat('en-CA', { timeZone: TIME_ZONE, year: 'numeric', month: '2-digit', day: '2-digit' })

/** How many calendar days `at` lies after `now` (negative: before it), both ISO text or ms. */
export function daysAhead(at: string | number, now: number): number {
  return Math.round((midnight(at) - midnight(now)) / DAY_MS)
}

function midnight(at: string | number): number {
  return Date.parse(`${calendar.format(new Date(at))}T00:00:00Z`)
}
