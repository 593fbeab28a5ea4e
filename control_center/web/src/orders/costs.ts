import type { OfferEntry, OrderSearch } from '../contract/types'

/** One worker held against an order: what she would cost in minutes, part by part, or what she lacks. */
export interface CostRow {
  key: string
  name: string | null
  asked: boolean
  missing: string[]
  parts: Record<string, number>
  cost: number
  lookedInto: boolean
}

/** Whoever was asked in a search, best first, and then those who were not: the able by cost, the others after them. */
export function costRows(search: OrderSearch, offers: readonly OfferEntry[]): CostRow[] {
  const asked = offers
    .filter((offer) => offer.search === search.id)
    .sort((a, b) => a.reasons.rank - b.reasons.rank)
    .map((offer): CostRow => {
      const { parts, cost } = offer.reasons
      return { key: `o${offer.id}`, name: offer.worker.name, asked: true, missing: [], parts, cost, lookedInto: true }
    })
  const others = search.left_out.map((one, index): CostRow => {
    const { missing, parts, cost } = one
    return { key: `l${index}`, name: one.worker, asked: false, missing, parts, cost, lookedInto: one.looked_into }
  })
  others.sort((a, b) => a.missing.length - b.missing.length || a.cost - b.cost)
  return [...asked, ...others]
}

/** The parts that count for anybody, in the order in which they are first told. */
export function partsShown(rows: readonly CostRow[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.parts)))]
}
