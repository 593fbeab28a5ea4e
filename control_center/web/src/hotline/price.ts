/** An amount in fen as money in the language of the page. */
export function yuan(fen: number, language: string): string {
  const whole = fen % 100 === 0
  return new Intl.NumberFormat(language, {
    style: 'currency',
    currency: 'CNY',
    minimumFractionDigits: whole ? 0 : 2,
  }).format(fen / 100)
}
