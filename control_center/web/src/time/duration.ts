/** A length of time reduced to its one most telling unit. */
export interface Age {
  unit: 'seconds' | 'minutes' | 'hours' | 'days'
  count: number
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `m:ss` under an hour, `h:mm:ss` under a day, then whole hours and minutes; ms in, never negative. */
export function clockText(ms: number): string {
  const total = Math.floor(Math.max(0, ms) / 1000)
  const seconds = pad(total % 60)
  const minutes = Math.floor(total / MINUTE) % 60
  const hours = Math.floor(total / HOUR)
  return hours > 0 ? `${hours}:${pad(minutes)}:${seconds}` : `${minutes}:${seconds}`
}

/** Age of a moment that lies `ms` back; the future counts as zero seconds. */
export function ageOf(ms: number): Age {
  const seconds = Math.floor(Math.max(0, ms) / 1000)
  if (seconds < MINUTE) return { unit: 'seconds', count: seconds }
  if (seconds < HOUR) return { unit: 'minutes', count: Math.floor(seconds / MINUTE) }
  if (seconds < DAY) return { unit: 'hours', count: Math.floor(seconds / HOUR) }
  return { unit: 'days', count: Math.floor(seconds / DAY) }
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
