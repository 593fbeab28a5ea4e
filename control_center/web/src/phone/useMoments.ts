import { useI18n } from 'vue-i18n'
import { serverSecond } from '../time/clock'
import { daysAhead } from '../time/day'
import { ageOf } from '../time/duration'
import { MINUTE, dateFormat } from '../time/format'

const MINUTE_MS = 60_000

const DATE: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric', weekday: 'short' }
const NEAR_DAYS: Record<number, string> = { [-1]: 'phone.yesterday', 0: 'phone.today', 1: 'phone.tomorrow' }

/** Times as they are told to a person on the phone: to the minute, with the day where it is not today. */
export function useMoments() {
  const { t, locale } = useI18n()

  const minute = (at: string) => dateFormat(locale.value, MINUTE).format(new Date(at))
  const day = (at: string) => {
    const near = NEAR_DAYS[daysAhead(at, serverSecond.value)]
    return near === undefined ? dateFormat(locale.value, DATE).format(new Date(at)) : t(near)
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
