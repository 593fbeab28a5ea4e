import { query, request } from './api'

/** The ledger and the monthly settlement as the service tells them; every sum is a whole number of fen. */

export const SETTLEMENT_STATES = ['draft', 'approved', 'paid'] as const
export type SettlementState = (typeof SETTLEMENT_STATES)[number]
export type EntryKind = 'charge' | 'no_show' | 'compensation' | 'adjustment' | 'reversal' | 'payment' | 'payout'
export type AccountKind = 'elder' | 'subsidy' | 'provider' | 'district' | 'cash'
export type Category =
  | 'special_support'
  | 'low_income'
  | 'disabled'
  | 'bereaved_only_child'
  | 'aged_90'
  | 'aged_80'
  | 'living_alone'
  | 'empty_nest'

interface Named {
  id: number
  name: string
}

/** A provider's month; without a state nobody has drafted it yet. */
export interface SettlementBrief {
  id: number | null
  district_code: string
  provider: Named
  /** As 2026-11. */
  month: string
  state: SettlementState | null
  visits: number
  due_fen: number
  drafted_by: Named | null
  approved_by: Named | null
}

export interface SettlementTotals {
  visits: number
  price_fen: number
  subsidy_fen: number
  elder_fen: number
  provider_fen: number
  /** What was added or taken off for everything that is no visit. */
  adjustment_fen: number
  due_fen: number
}

export interface SettlementLine {
  entry_id: number
  kind: EntryKind
  at: string
  order_id: number | null
  served_at: string | null
  item_zh: string | null
  item_en: string | null
  elder: string | null
  minutes: number | null
  category: Category | null
  price_fen: number
  subsidy_fen: number
  elder_fen: number
  provider_fen: number
  reverses: number | null
  note: string | null
}

/** An order of which the ledger does not say what follows from its confirmation, a no-show or a complaint; null on the side that knows nothing. */
export interface Difference {
  kind: EntryKind
  order_id: number
  told_price_fen: number | null
  told_subsidy_fen: number | null
  told_provider_fen: number | null
  booked_price_fen: number | null
  booked_subsidy_fen: number | null
  booked_provider_fen: number | null
}

export interface Settlement {
  id: number
  district_code: string
  provider: Named
  month: string
  state: SettlementState
  drafted_at: string
  drafted_by: Named
  approved_at: string | null
  approved_by: Named | null
  paid_at: string | null
  paid_by: Named | null
  payment_reference: string | null
  totals: SettlementTotals
  lines: SettlementLine[]
  differences: Difference[]
}

/** By how much an order's sides change. `key` is the correction's own name: sent twice it is booked once. */
export interface Adjustment {
  key: string
  elder_fen: number
  subsidy_fen: number
  provider_fen: number
  reason: string
}

export interface AccountBalance {
  kind: AccountKind
  category: Category | null
  provider: Named | null
  accounts: number
  debit_fen: number
  credit_fen: number
  balance_fen: number
}

export interface TrialBalance {
  month: string
  accounts: AccountBalance[]
  debit_fen: number
  credit_fen: number
}

/** What the settlement's page asks for; each rejects with ApiError. */
export const moneyApi = {
  settlements: (month: string) =>
    request<{ settlements: SettlementBrief[] }>('GET', `/settlements?${query({ month: month || undefined })}`),
  draft: (district_code: string, provider_id: number, month: string) =>
    request<Settlement>('POST', '/settlements', { district_code, provider_id, month }),
  settlement: (id: number) => request<Settlement>('GET', `/settlements/${id}`),
  approve: (id: number) => request<Settlement>('POST', `/settlements/${id}/approve`, {}),
  pay: (id: number, reference: string) => request<Settlement>('POST', `/settlements/${id}/pay`, { reference }),
  adjust: (orderId: number, adjustment: Adjustment) =>
    request<unknown>('POST', `/orders/${orderId}/adjustments`, adjustment),
  reverse: (entryId: number, reason: string) =>
    request<{ entry_id: number }>('POST', `/ledger/${entryId}/reverse`, { reason }),
  trialBalance: (districtCode: string, month: string) =>
    request<TrialBalance>('GET', `/districts/${districtCode}/trial-balance?${query({ month })}`),
}

/** Where a settlement's workbook is fetched from. */
export function workbookAddress(id: number): string {
  return `/api/settlements/${id}.xlsx`
}
