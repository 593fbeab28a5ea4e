import { useI18n } from 'vue-i18n'
import { MINUTE, dateFormat } from '../time/format'

const UNITS = [
  ['days', 86_400],
  ['hours', 3600],
  ['minutes', 60],
  ['seconds', 1],
] as const
const DAY_AND_MINUTE: Intl.DateTimeFormatOptions = {
  month: 'short',
  day: 'numeric',
  weekday: 'short',
  ...MINUTE,
}
const STAMP: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: 'numeric', ...MINUTE }
const DAY: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: 'numeric' }

/** Splits seconds into whole units, the largest first; none of them is zero, but for no time at all. */
export function partsOf(seconds: number): { unit: (typeof UNITS)[number][0]; count: number }[] {
  let left = Math.max(0, Math.round(seconds))
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return { unit, count }
  })
  const told = parts.filter(({ count }) => count > 0)
  return told.length > 0 ? told : [{ unit: 'seconds', count: 0 }]
}

/** Lengths of time in words, and days and minutes by the district's clock, in the language of the page. */
export function useLengths() {
  const { t, locale } = useI18n()

  const length = (seconds: number) =>
    partsOf(seconds)
      .map(({ unit, count }) => t(`planning.length.${unit}`, { count }))
      .join(' ')
  const moment = (at: string) => dateFormat(locale.value, DAY_AND_MINUTE).format(new Date(at))
  const date = (at: string) => dateFormat(locale.value, DAY).format(new Date(at))
  /** With the year, for what may lie far back. */
  const stamp = (at: string) => dateFormat(locale.value, STAMP).format(new Date(at))
  /** From one moment to another; the day is said twice only where they differ. */
  const span = (from: string, to: string) => {
    const oneDay = date(from) === date(to)
    return t('planning.span', { from: moment(from), to: oneDay ? dateFormat(locale.value, MINUTE).format(new Date(to)) : moment(to) })
  }

  return { length, moment, date, stamp, span }
}
