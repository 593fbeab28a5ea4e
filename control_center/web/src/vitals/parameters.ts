import type { Vital } from '../contract/types'

/** Vitals in the order they are shown. */
export const VITALS: readonly Vital[] = ['hr', 'spo2', 'rr', 'sbp', 'dbp', 'temp']

/** Ms after which a sample no longer counts as the elder's present condition. */
export const OLD_SAMPLE_MS = 30 * 60_000

/** A measured value in its usual precision: tenths for the temperature, whole numbers for the rest. */
export function valueText(vital: string, value: number): string {
  return vital === 'temp' ? value.toFixed(1) : String(Math.round(value))
}
