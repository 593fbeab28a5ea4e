import { useI18n } from 'vue-i18n'
import { serverSecond } from './clock'
import { ageOf } from './duration'
import { MINUTE, dateFormat } from './format'

const CLOCK: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }
const DAY: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric' }
const TODAY: Intl.DateTimeFormatOptions = { ...DAY, weekday: 'short' }

/** Times of day, dates and ages in the language of the page. */
export function useTimes() {
  const { t, locale } = useI18n()

  const time = (at: string | number) => dateFormat(locale.value, CLOCK).format(new Date(at))
  const day = (at: string | number) => dateFormat(locale.value, DAY).format(new Date(at))
  const today = (at: string | number) => dateFormat(locale.value, TODAY).format(new Date(at))
  const isToday = (at: string | number) => day(at) === day(serverSecond.value)
  /** The time, with the day before it unless it is today. */
  const moment = (at: string | number) => (isToday(at) ? time(at) : `${day(at)} ${time(at)}`)
  const minute = (at: string | number) => dateFormat(locale.value, MINUTE).format(new Date(at))
  /** From one minute to another, with the day before it unless it is today. */
  const span = (from: string | number, to: string | number) => {
    const text = t('orders.window', { from: minute(from), to: minute(to) })
    return isToday(from) ? text : `${day(from)} ${text}`
  }
  const ageText = (ms: number) => {
    const { unit, count } = ageOf(ms)
    return t(`age.${unit}`, { count }, count)
  }
  /** How long ago, counting on by itself. */
  const since = (at: string) => ageText(serverSecond.value - Date.parse(at))

  return { time, minute, span, day, today, moment, ageText, since }
}
