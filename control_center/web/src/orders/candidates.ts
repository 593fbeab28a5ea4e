import { NEVER_WAIVED, type OrderCandidates } from '../contract/assigning'

/** Somebody who can be named for an order, or why she cannot. */
export interface CandidateRow {
  key: string
  /** Null for somebody whom the caller may not see. */
  id: number | null
  name: string | null
  provider: string
  travelMinutes: number
  /** When she would begin; null where nobody looked into her day. */
  startsAt: string | null
  /** Earlier visits to this elder. */
  familiarity: number
  /** The conditions that do not count for her when she is named. */
  setAside: string[]
  /** The conditions that staff cannot set aside. */
  standing: string[]
  /** Who has the order cannot be given it. */
  hasIt: boolean
}

/** Whoever could take the order, best first, and then the others: those who may be named, the nearer first. */
export function candidateRows(found: OrderCandidates, holderId: number | null): CandidateRow[] {
  const able = found.ranked.map(({ worker, reasons }): CandidateRow => ({
    key: `w${worker.id}`,
    id: worker.id,
    name: worker.name,
    provider: worker.provider,
    travelMinutes: reasons.travel_minutes,
    startsAt: reasons.starts_at,
    familiarity: reasons.familiarity,
    setAside: [],
    standing: [],
    hasIt: worker.id === holderId,
  }))
  const others = found.left_out.map((one, index): CandidateRow => ({
    key: `l${index}`,
    id: one.worker_id,
    name: one.worker,
    provider: '',
    travelMinutes: one.travel_minutes,
    startsAt: null,
    familiarity: 0,
    setAside: one.missing.filter((condition) => !NEVER_WAIVED.includes(condition)),
    standing: one.missing.filter((condition) => NEVER_WAIVED.includes(condition)),
    hasIt: one.worker_id !== null && one.worker_id === holderId,
  }))
  others.sort((a, b) => Number(!mayBeNamed(a)) - Number(!mayBeNamed(b)) || a.travelMinutes - b.travelMinutes)
  return [...able, ...others]
}

export function mayBeNamed(row: CandidateRow): boolean {
  return row.id !== null && row.standing.length === 0 && !row.hasIt
}
