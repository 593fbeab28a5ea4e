/** The way to an order: for whom, what, when, and the summary on which it is placed. */
export type Step = 'who' | 'item' | 'window' | 'sure'

/** Where somebody is on that way: what was chosen so far, by its place in its list, and what the arrows point at. */
export interface Way {
  step: Step
  who: number
  item: number
  window: number
  at: number
}

/** How many there are to choose from. */
export type Counts = Readonly<Record<Exclude<Step, 'sure'>, number>>

export const BEGIN: Way = { step: 'who', who: 0, item: 0, window: 0, at: 0 }

const AFTER: Readonly<Record<Exclude<Step, 'sure'>, Step>> = { who: 'item', item: 'window', window: 'sure' }
const BEFORE: Readonly<Record<Exclude<Step, 'who'>, Exclude<Step, 'sure'>>> = { item: 'who', window: 'item', sure: 'window' }

/** One step further with what is at `index`; unchanged when nothing is there, or on the summary. */
export function choose(way: Way, index: number, counts: Counts): Way {
  if (way.step === 'sure' || index < 0 || index >= counts[way.step]) return way
  return { ...way, [way.step]: index, step: AFTER[way.step], at: 0 }
}

/** One step back, to what was chosen there. */
export function back(way: Way): Way {
  if (way.step === 'who') return way
  const step = BEFORE[way.step]
  return { ...way, step, at: way[step] }
}

/**
 * What a key does. Only Enter on the summary places the order. While somebody types whose call it is, digits and
 * Backspace are the field's.
 */
export function press(way: Way, key: string, counts: Counts): { way: Way; place: boolean } {
  const stay = { way, place: false }
  if (way.step === 'sure') {
    if (key === 'Enter') return { way, place: true }
    return key === 'ArrowLeft' || key === 'Backspace' ? { way: back(way), place: false } : stay
  }
  const count = counts[way.step]
  if (key === 'ArrowDown' && count > 0) return { way: { ...way, at: (way.at + 1) % count }, place: false }
  if (key === 'ArrowUp' && count > 0) return { way: { ...way, at: (way.at + count - 1) % count }, place: false }
  if (key === 'Enter') return { way: choose(way, way.at, counts), place: false }
  if (way.step === 'who') return stay
  if (/^[1-9]$/.test(key)) return { way: choose(way, Number(key) - 1, counts), place: false }
  return key === 'ArrowLeft' || key === 'Backspace' ? { way: back(way), place: false } : stay
}
