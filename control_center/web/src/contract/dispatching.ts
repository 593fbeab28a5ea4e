import { query, request } from './api'

/** How workers are ranked, how orders find them, and how a district's days are planned, as the service tells it. */

/** Minutes of travel that each is worth, in the order in which they are shown. */
export const MINUTE_WEIGHTS = [
  'load_minutes',
  'familiarity_minutes',
  'usual_minutes',
  'paired_minutes',
  'balance_minutes',
  'earnings_minutes',
  'rating_minutes',
  'risk_minutes',
  'calm_minutes',
  'spare_minutes',
  'sex_minutes',
  'unskilled_minutes',
  'doubt_minutes',
] as const
export const WEIGHTS = ['travel_weight', ...MINUTE_WEIGHTS, 'position_trusted_seconds', 'position_lost_seconds'] as const
export type Weights = Record<(typeof WEIGHTS)[number], number>

/** One version of the weights; `set_by` is null for those that came with the service. */
export interface WeightsVersion {
  weights: Weights
  note: string | null
  valid_from: string
  valid_to: string | null
  set_by: string | null
  ended_by: string | null
}

/** What other weights would have done with the last orders; `travel_minutes` is how much more travel on the whole. */
export interface Tried {
  orders: number
  others: { order_id: number; asked: number; instead: number }[]
  travel_minutes: number
}

export const RANKED_TASKS = ['order', 'alarm'] as const
export type RankedTask = (typeof RANKED_TASKS)[number]
export const MODES = ['sequence', 'best', 'hall', 'plan'] as const
export type AssignmentMode = (typeof MODES)[number]

/** How an assist's orders find their worker; `plan_cutoff` is a time of the district's day before the visit. */
export interface ModePolicy {
  mode: AssignmentMode
  offer_seconds: number
  offers_at_once: number
  hall_seconds: number
  hall_most: number
  plan_cutoff: string
  plan_minutes: number
  unfilled_seconds: number
}

export type PlanState = 'queued' | 'solving' | 'ready' | 'applying' | 'applied' | 'discarded' | 'failed'
export type PlanReason = 'nightly' | 'by_hand' | 'changed'

/** A plan of a day; its figures are those of the plan format, its outcomes count visits. */
export interface DayPlan {
  id: number
  /** As 2026-11-22. */
  day: string
  state: PlanState
  reason: PlanReason
  asked_at: string
  asked_by: string | null
  seconds: number
  at_once: boolean
  solved_at: string | null
  applied_at: string | null
  applied_by: string | null
  error: string | null
  figures: Record<string, number> | null
  outcomes: Record<string, number>
}

/** What a plan says of one order; without a worker it was left out for the reason. */
export interface PlannedOrder {
  order_id: number
  elder: { id: number; name: string }
  item: string
  window_from: string
  window_to: string
  worker: { id: number; name: string } | null
  planned_at: string | null
  pickup_at: string | null
  reason: string | null
  moved: boolean
  outcome: string | null
  refusal: string | null
}

export interface DayPlanDetail {
  plan: DayPlan
  visits: PlannedOrder[]
}

/** How a district plans its days; `again_minutes` is null where a day is not planned anew by itself. */
export interface PlanningPolicy {
  plan_at: string
  seconds: number
  spare_minutes: number
  longer_percent: number
  hot_spare_minutes: number
  moved_seconds: number
  known_seconds: number
  break_minutes: number
  break_after_minutes: number
  break_from: string
  break_to: string
  at_once: boolean
  again_minutes: number | null
}

interface Modes {
  assists: { assist: string; policy: ModePolicy }[]
}

/** What the planning page asks for about orders; each rejects with ApiError. */
export const dispatchingApi = {
  weights: (task: RankedTask) => request<{ versions: WeightsVersion[] }>('GET', `/ranking-policies/${task}`),
  setWeights: (task: RankedTask, weights: Weights, note: string | null) =>
    request<{ versions: WeightsVersion[] }>('PUT', `/ranking-policies/${task}`, { ...weights, note }),
  tryWeights: (weights: Weights, orders: number) =>
    request<Tried>('POST', '/ranking-policies/order/try', { ...weights, orders }),
  modes: () => request<Modes>('GET', '/order-policies'),
  setMode: (assist: string, policy: ModePolicy) => request<Modes>('PUT', `/order-policies/${assist}`, policy),
  plans: (before?: number) => request<{ plans: DayPlan[] }>('GET', `/day-plans?${query({ before })}`),
  plan: (id: number) => request<DayPlanDetail>('GET', `/day-plans/${id}`),
  askForPlan: (day: string, seconds: number | null, at_once: boolean | null) =>
    request<DayPlanDetail>('POST', '/day-plans', { day, seconds, at_once }),
  applyPlan: (id: number) => request<DayPlanDetail>('POST', `/day-plans/${id}/apply`, {}),
  discardPlan: (id: number) => request<DayPlanDetail>('POST', `/day-plans/${id}/discard`, {}),
  planningPolicy: () => request<PlanningPolicy>('GET', '/day-plans/policy'),
  setPlanningPolicy: (policy: PlanningPolicy) => request<PlanningPolicy>('PUT', '/day-plans/policy', policy),
}
