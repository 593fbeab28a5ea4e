/** A distance as it is told: metres in steps of fifty up to a kilometre, then kilometres to one decimal. */
export interface Distance {
  unit: 'metres' | 'kilometres'
  count: number
}

export function roughly(metres: number): Distance {
  const rounded = Math.max(50, Math.round(metres / 50) * 50)
  if (rounded < 1000) return { unit: 'metres', count: rounded }
  return { unit: 'kilometres', count: Math.round(metres / 100) / 10 }
}
