/** Shapes of orders, offers, workers and what families see. Times are ISO-8601 UTC text. */
import type { ElderBrief, Organisation, Person, Severity, SlaTarget, TimelineEntry } from './register'
import type { VisitProof } from './visits'

export const ORDER_STATES = [
  'requested',
  'offered',
  'accepted',
  'en_route',
  'checked_in',
  'in_service',
  'completed',
  'confirmed',
  'settled',
  'cancelled',
  'failed',
] as const
export type OrderState = (typeof ORDER_STATES)[number]
export const OFFER_STATES = ['open', 'accepted', 'declined', 'expired', 'withdrawn', 'lost'] as const
export type OfferState = (typeof OFFER_STATES)[number]
export const ATTENTIONS = [
  'nobody_eligible',
  'nobody_accepted',
  'late',
  'overrun',
  'elder_away',
  'worker_lapsed',
  'likely_late',
  'companion_missing',
  'unfit',
  'no_show',
] as const
export type Attention = (typeof ATTENTIONS)[number]
export const DECLINE_REASONS = ['busy', 'too_far', 'unwell', 'other'] as const
export type DeclineReason = (typeof DECLINE_REASONS)[number]
export const FAIL_REASONS = ['elder_absent', 'elder_refused', 'unsafe', 'unfit', 'worker_unwell', 'other'] as const
export type FailReason = (typeof FAIL_REASONS)[number]
export const ASSISTS = ['clean', 'meal', 'bath', 'walk', 'emergency', 'medical'] as const
export type Assist = (typeof ASSISTS)[number]
/** What turns a worker away from an order or alarm, in the order in which it is asked. */
export const CONDITIONS = [
  'provider',
  'item',
  'kind',
  'unpaired',
  'skill',
  'sex',
  'excluded',
  'pair',
  'area',
  'leave',
  'shift',
  'capacity',
  'busy',
  'asked',
  'far',
] as const
export type Condition = (typeof CONDITIONS)[number]
export const WELLBEINGS = [
  'alarm',
  'help_coming',
  'help_there',
  'being_handled',
  'fine',
  'quiet',
  'away',
  'no_device',
] as const
export type Wellbeing = (typeof WELLBEINGS)[number]
export type Travel = 'walk' | 'scooter' | 'car'
export type OrderSlaStage = 'accept' | 'arrive' | 'finish'

/** WGS-84 degrees. */
export interface Point {
  lat: number
  lon: number
}

/** A position as a phone tells it; metres. */
export interface Spot extends Point {
  accuracy_m: number
}

export interface Item {
  code: string
  version: number
  assist: Assist
  name_zh: string
  name_en: string
  duration_minutes: number
  skills: string[]
}

export interface CatalogueItem extends Item {
  window_minutes: number
}

export interface Catalogue {
  items: CatalogueItem[]
  skills: string[]
}

export interface WorkerBrief {
  id: number
  name: string
  provider: string
  /** For staff only. */
  phone: string | null
}

export interface NearestMiss {
  worker: string
  missing: Condition
  travel_minutes: number | null
}

/** How many workers each condition turned away. */
export type TurnedAway = Partial<Record<Condition, number>>

export interface AttentionNote {
  kind: Attention
  at: string
  turned_away: TurnedAway
  nearest_miss: NearestMiss | null
  /** Of a visit that will be late: when it will begin, and by how many minutes its window is missed. */
  predicted_at?: string | null
  late_minutes?: number | null
}

/** Whether a visit will begin in its window, by where its worker is. */
export type Risk = 'none' | 'tight' | 'late'

export interface OrderCard {
  id: number
  state: OrderState
  is_test: boolean
  item: Item
  elder: ElderBrief
  /** For staff and the worker only. */
  home: Point | null
  window_from: string
  window_to: string
  note: string | null
  /** Where the order came from. */
  source: string
  requested_at: string
  requested_by: Person | null
  sla: Record<OrderSlaStage, SlaTarget | null>
  next_due: { at: string; reason: 'assign' | 'offer' | 'arrive' | 'finish' | 'confirm' } | null
  worker: WorkerBrief | null
  /** When the visit will begin, by where its worker is; null until somebody has it and once she is there. */
  predicted_at: string | null
  /** For staff only. */
  risk: Risk | null
  accepted_at: string | null
  departed_at: string | null
  checked_in_at: string | null
  begun_at: string | null
  completed_at: string | null
  confirmed_at: string | null
  ended_at: string | null
  end_reason: string | null
  /** For staff only. */
  attention: AttentionNote | null
  offers_open: number
  offers_made: number
  planned_at: string | null
  lead_id: number | null
  /** The other order of a visit that takes two workers. */
  companion: { order_id: number; state: OrderState; worker: WorkerBrief | null } | null
  proof: VisitProof
}

export interface OfferReasons {
  rank: number
  candidates: number
  travel_minutes: number
  distance_m: number
  load: number
  familiarity: number
  cost: number
  /** What the cost is the sum of, in minutes. */
  parts: Record<string, number>
}

export interface OfferEntry {
  id: number
  worker: WorkerBrief
  state: OfferState
  offered_at: string
  expires_at: string
  answered_at: string | null
  decline_reason: DeclineReason | null
  reasons: OfferReasons
  /** The look in which she was asked. */
  search: number | null
  /** Which member of staff chose her, why, and what did not count for her. */
  named?: { by: Person; reason: string } | null
  waived?: string[]
}

/** One look for somebody to take an order: how many were gone through, and the nearest of those who were not asked. */
export interface OrderSearch {
  id: number
  at: string
  mode: string | null
  considered: number
  eligible: number
  left_out: {
    worker: string | null
    missing: string[]
    cost: number
    parts: Record<string, number>
    looked_into: boolean
  }[]
}

export interface OrderDetail {
  card: OrderCard
  timeline: TimelineEntry[]
  /** Empty for families. */
  offers: OfferEntry[]
  /** Empty for families and workers. */
  searches: OrderSearch[]
}

/** What is asked for; `window_to` absent means the item's usual window. */
export interface NewOrder {
  elder_id: number
  item: string
  window_from: string
  window_to?: string
  skills?: string[]
  note?: string
}

/** Who goes to an alarm, or why nobody does yet. */
export interface AlarmResponse {
  state: 'searching' | 'found' | 'nobody' | null
  due_at: string | null
  responder: WorkerBrief | null
  offers_open: number
  offers_made: number
  turned_away: TurnedAway
  nearest_miss: NearestMiss | null
}

/** A question to a worker: exactly one of `order` and `alarm`. Whose home it is, is told after acceptance. */
export interface OfferCard {
  id: number
  state: OfferState
  is_test: boolean
  order: { id: number; item: Item; window_from: string; window_to: string } | null
  alarm: { id: number; kind: string; severity: Severity } | null
  org: Organisation
  distance_m: number
  travel_minutes: number
  offered_at: string
  expires_at: string
}

export interface WorkPage {
  worker: WorkerBrief
  travel: Travel
  provider_admitted: boolean
  skills: string[]
  /** The present or the next one. */
  shift: { starts_at: string; ends_at: string } | null
  on_shift: boolean
  done_today: OrderCard[]
  server_time: string
}

export interface FamilyAlarm {
  id: number
  kind: string
  raised_at: string
  answered_at: string | null
  dispatched_at: string | null
  on_scene_at: string | null
  ended_at: string | null
  outcome: string | null
  responder: string | null
}

export interface FamilyElder {
  elder: ElderBrief
  wellbeing: Wellbeing
  since: string | null
  last_sign_at: string | null
  /** Open ones and those of the last seven days, newest first. */
  alarms: FamilyAlarm[]
  /** Today's and tomorrow's, by time, those to confirm first. */
  visits: OrderCard[]
}

export interface FamilyPage {
  elders: FamilyElder[]
  server_time: string
}
