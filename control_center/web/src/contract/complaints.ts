import { query, request } from './api'

/** Complaints and visits that did not take place, as the service tells them; every sum is a whole number of fen. */

export const COMPLAINT_KINDS = [
  'late',
  'not_come',
  'poor_work',
  'too_short',
  'rude',
  'overcharged',
  'damage',
  'privacy',
  'safety',
  'other',
] as const
export type ComplaintKind = (typeof COMPLAINT_KINDS)[number]
export const COMPLAINERS = ['elder', 'family', 'staff'] as const
export type Complainer = (typeof COMPLAINERS)[number]
export const VERDICTS = ['upheld', 'dismissed'] as const
export type Verdict = (typeof VERDICTS)[number]
export const NO_SHOW_REASONS = [
  'elder_absent',
  'elder_refused',
  'late_cancel',
  'unsafe',
  'unfit',
  'worker_unwell',
  'worker_no_show',
  'other',
] as const
export type NoShowReason = (typeof NO_SHOW_REASONS)[number]
export const BLAMES = ['elder', 'provider', 'district', 'nobody'] as const
export type Blame = (typeof BLAMES)[number]

interface Named {
  id: number
  name: string
}

/** Relatives are told neither who took it down nor what the provider is charged. */
export interface Complaint {
  id: number
  order_id: number
  elder: Named
  item_zh: string
  item_en: string
  window_from: string
  worker: string | null
  provider: string | null
  kind: ComplaintKind
  words: string
  complainer: Complainer
  made_at: string
  made_by: Named | null
  due_at: string
  verdict: Verdict | null
  decided_at: string | null
  decided_by: string | null
  answer: string | null
  refund_fen: number
  penalty_fen: number
  rework_id: number | null
}

/** A decision. With `rework_from` the visit is made again, free for the elder's side. */
export interface Verdicted {
  verdict: Verdict
  answer: string
  refund_fen: number
  penalty_fen: number
  rework_from: string | null
  rework_to: string | null
}

/** A visit that did not take place; `standing` is false once another case stands in for it. */
export interface NoShow {
  id: number
  order_id: number
  elder: Named
  worker: string | null
  provider: string | null
  at: string
  reason: NoShowReason
  blame: Blame
  elder_fen: number
  provider_fen: number
  penalty_fen: number
  evidence: Record<string, unknown>
  /** Null where the rule decided. */
  decided_by: string | null
  note: string | null
  replaces: number | null
  standing: boolean
}

/** Percent of what the elder's side would have paid, of the provider's rate, and of that rate as a penalty. */
export interface PayRuleBody {
  blame: Blame
  elder_percent: number
  provider_percent: number
  penalty_percent: number
}

export interface PayRule extends PayRuleBody {
  id: number
  reason: NoShowReason
  valid_from: string
}

/** What is asked about complaints and no-shows; each rejects with ApiError. */
export const complaintsApi = {
  complaints: (view: 'open' | 'decided', before?: number) =>
    request<{ complaints: Complaint[] }>('GET', `/complaints?${query({ view, before })}`),
  /** Staff say whose words they are; a relative's are her own. */
  complain: (orderId: number, kind: ComplaintKind, words: string, complainer?: Complainer) =>
    request<{ complaint: Complaint }>('POST', `/orders/${orderId}/complaints`, { kind, words, complainer }),
  decide: (id: number, decision: Verdicted) =>
    request<{ complaint: Complaint }>('POST', `/complaints/${id}/decide`, decision),
  noShows: (before?: number) => request<{ cases: NoShow[] }>('GET', `/no-shows?${query({ before })}`),
  reassess: (id: number, reason: NoShowReason, blame: Blame, note: string) =>
    request<NoShow>('POST', `/no-shows/${id}/reassess`, { reason, blame, note }),
  payRules: () => request<{ rules: PayRule[] }>('GET', '/pay-rules'),
  setPayRule: (reason: NoShowReason, rule: PayRuleBody) =>
    request<{ rules: PayRule[] }>('PUT', `/pay-rules/${reason}`, rule),
}
