import { useI18n } from 'vue-i18n'
import { serverSecond } from '../time/clock'
import { TIME_ZONE, daysAhead } from '../time/day'
import { ageOf } from '../time/duration'

const MINUTE_MS = 60_000

const formats = new Map<string, Intl.DateTimeFormat>()

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options)
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone: TIME_ZONE, ...options })
  formats.set(key, known)
  return known
}

const MINUTE: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
const DATE: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric', weekday: 'short' }
const NEAR_DAYS: Record<number, string> = { [-1]: 'phone.yesterday', 0: 'phone.today', 1: 'phone.tomorrow' }

/** Times as they are told to a person on the phone: to the minute, with the day where it is not today. */
export function useMoments() {
  const { t, locale } = useI18n()

  const minute = (at: string) => format(locale.value, MINUTE).format(new Date(at))
  const day = (at: string) => {
    const near = NEAR_DAYS[daysAhead(at, serverSecond.value)]
    return near === undefined ? format(locale.value, DATE).format(new Date(at)) : t(near)
  }
  /** The time of day, with the day before it unless it is today. */
  const moment = (at: string) => (daysAhead(at, serverSecond.value) === 0 ? minute(at) : `${day(at)} ${minute(at)}`)
  /** From one time to another, the day only once. */
  const span = (from: string, to: string) => {
    const end = daysAhead(to, Date.parse(from)) === 0 ? minute(to) : moment(to)
    return t('phone.span', { from: moment(from), to: end })
  }
  /** A length of time in its most telling unit, without seconds; ms. */
  const length = (ms: number) => {
    if (ms < MINUTE_MS) return t('phone.underMinute')
    const { unit, count } = ageOf(ms)
    return t(`age.${unit}`, { count }, count)
  }
  /** How long ago, counting on by itself. */
  const ago = (at: string) => {
    const ms = serverSecond.value - Date.parse(at)
    return ms < MINUTE_MS ? t('phone.justNow') : t('age.ago', { age: length(ms) })
  }

  return { minute, day, moment, span, length, ago }
}
