import { describe, expect, it } from 'vitest'
import type { OfferEntry, OrderSearch } from '../src/contract/types'
import { costRows, partsShown } from '../src/orders/costs'

const SEARCH: OrderSearch = {
  id: 7,
  at: '2026-11-22T01:00:00Z',
  mode: 'sequence',
  considered: 3,
  eligible: 2,
  left_out: [
    { worker: '周', missing: ['shift'], cost: 1, parts: { travel: 1 }, looked_into: false },
    { worker: null, missing: [], cost: 9, parts: { travel: 7, risk: 2 }, looked_into: true },
    { worker: '吴', missing: [], cost: 5, parts: { travel: 5 }, looked_into: false },
  ],
}

function offer(id: number, search: number, rank: number): OfferEntry {
  return {
    id,
    worker: { id, name: `w${id}`, provider: '机构', phone: null },
    state: 'open',
    offered_at: '2026-11-22T01:00:00Z',
    expires_at: '2026-11-22T01:01:30Z',
    answered_at: null,
    decline_reason: null,
    reasons: {
      rank, candidates: 2, travel_minutes: 3, distance_m: 900, load: 0, familiarity: 0, cost: 3, parts: { travel: 3, load: 0 },
    },
    search,
  }
}

describe('why she and not others', () => {
  it('tells those asked in the look first, by rank, then the able by cost, then the others', () => {
    const rows = costRows(SEARCH, [offer(1, 6, 1), offer(3, 7, 2), offer(2, 7, 1)])
    expect(rows.map((row) => row.name)).toEqual(['w2', 'w3', '吴', null, '周'])
    expect(rows.map((row) => row.asked)).toEqual([true, true, false, false, false])
  })

  it('shows each part that counts for anybody once', () => {
    expect(partsShown(costRows(SEARCH, [offer(2, 7, 1)]))).toEqual(['travel', 'load', 'risk'])
  })
})
