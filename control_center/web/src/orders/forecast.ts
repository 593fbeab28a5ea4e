import type { OrderCard, Risk } from '../contract/types'

const MINUTE_MS = 60_000

/** When a visit will begin by where its worker is, and by how many minutes, at least one, its window is missed. */
export interface Forecast {
  risk: Risk
  beginsAt: string
  lateMinutes: number
}

/** What is foretold of a visit that nobody has reached yet, or null when nothing is. */
export function forecastOf(card: OrderCard): Forecast | null {
  const { predicted_at: beginsAt, risk, window_to: until } = card
  if (beginsAt === null || risk === null) return null
  const late = Date.parse(beginsAt) - Date.parse(until)
  return { risk, beginsAt, lateMinutes: late > 0 ? Math.max(1, Math.round(late / MINUTE_MS)) : 0 }
}
