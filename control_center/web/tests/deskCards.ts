import type { OrderCandidates } from '../src/contract/assigning'
import type { OrderCard } from '../src/contract/types'
import { at, orderCard } from './cards'

export const ZHOU = { id: 7, name: 'Zhou', provider: 'P1', phone: '138-7' }

/** Order 2, which Zhou has. */
export const accepted = (changes: Partial<OrderCard> = {}) => orderCard(2, { state: 'accepted', worker: ZHOU, ...changes })

const standing = (changes: object) => ({
  kind: 'provider', travel_minutes: 9, circle: null, rank: null, cost: 9, missing: [], worker_id: null, worker: null, ...changes,
})
const reasons = {
  rank: 1, candidates: 2, travel_minutes: 6, distance_m: 1400, load: 0, familiarity: 3, cost: 6, parts: {}, starts_at: at(2400),
}
/** Two who could take it, one of them Zhou; of the others only Li may be named. */
export const CANDIDATES: OrderCandidates = {
  considered: 6,
  eligible: 2,
  ranked: [
    { worker: { id: 8, name: 'Sun', provider: 'P2', phone: null }, reasons },
    { worker: ZHOU, reasons: { ...reasons, rank: 2, familiarity: 0 } },
  ],
  left_out: [
    standing({ worker_id: 10, worker: 'Wu', missing: ['excluded', 'shift'], travel_minutes: 1 }),
    standing({ travel_minutes: 2 }),
    standing({ worker_id: 9, worker: 'Li', missing: ['shift', 'area'], travel_minutes: 5 }),
  ],
}
