/** The whole fen of an amount that was typed in yuan; null where it is no amount with at most two decimals. */
export function fenOf(text: string): number | null {
  const parts = /^([-+]?)(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (parts === null) return null
  const [, sign, whole, rest = ''] = parts
  const fen = Number(whole) * 100 + Number(rest.padEnd(2, '0'))
  return sign === '-' && fen !== 0 ? -fen : fen
}

/** An amount in fen as it is typed in yuan. */
export function yuanText(fen: number): string {
  const rest = Math.abs(fen % 100)
  const whole = `${fen < 0 ? '-' : ''}${Math.trunc(Math.abs(fen) / 100)}`
  return rest === 0 ? whole : `${whole}.${String(rest).padStart(2, '0')}`
}

/** The month before one, both as 2026-11. */
export function monthBefore(month: string): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, '0')}`
}

/** A name for a correction that nothing else bears, so that sent twice it is booked once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
