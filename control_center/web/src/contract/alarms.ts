/** Shapes of alarms. Times are ISO-8601 UTC text. */
import type { CauseOfFalseAlarm, ElderBrief, Entry, News2, Organisation, Person, Severity, ShelveReason, SlaTarget, TimelineEntry } from './register'
import type { CrossedLimit } from './limits'
import type { AlarmResponse, OfferEntry, Point } from './work'

export type AlarmState =
  | 'pending'
  | 'raised'
  | 'acknowledged'
  | 'dispatched'
  | 'on_scene'
  | 'shelved'
  | 'resolved'
  | 'closed'
  | 'cancelled'
export type SlaStage = 'answer' | 'dispatch' | 'accept' | 'on_scene' | 'resolve'

/** Clocks that stand still: since when, until when at most, and why. */
export interface Pause {
  since: string
  until: string
  reason: string
}

/** Why clocks may stand still, for how many minutes at most, and whether an emergency's may. */
export interface PauseReason {
  code: string
  name_zh: string
  name_en: string
  most_minutes: number
  in_emergency: boolean
}

/** Who deals with a ringing alarm at this moment; gone after `until`. */
export interface Claim {
  by: Person
  seat: string | null
  until: string
}

/** Incidents that belong together. */
export interface AlarmGroup {
  id: number
  kind: 'building' | 'dark_street'
  place: string
  incidents: number
}

/** What was found, for staff; absent or null where it does not apply. */
export interface AlarmFinding {
  limits?: CrossedLimit[] | null
  /** Why the alarm of a home or a fence was raised. */
  reason?: string | null
  still_since?: string | null
  limit_minutes?: number | null
  used_m3?: number | null
  hours?: number | null
  distance_m?: number | null
  radius_m?: number | null
  outside_since?: string | null
  /** What may be ordered for it. */
  order_item?: string | null
  silent_since?: string | null
  said_goodbye?: boolean | null
  battery?: number | null
  clock_off_seconds?: number | null
  devices_lost?: number | null
  devices_watched?: number | null
  /** Why a device was turned away, how often, and the topic it wanted. */
  refused_reason?: string | null
  refused_times?: number | null
  refused_topic?: string | null
  /** The worker who calls for help herself, and the home she is at. */
  worker?: string | null
  worker_phone?: string | null
  worker_provider?: string | null
  visit_order?: number | null
  visit_address?: string | null
  accuracy_m?: number | null
}

export interface AlarmCard {
  id: number
  kind: string
  severity: Severity
  state: AlarmState
  is_test: boolean
  raised_at: string
  occurred_at: string
  last_signal_at: string
  signal_count: number
  sla: Partial<Record<SlaStage, SlaTarget | null>> & { paused?: Pause | null }
  next_due: { at: string; reason: string } | null
  escalation: { level: number; roles: string[] }
  acknowledged_at: string | null
  acknowledged_by: Person | null
  /** Alarms of one incident are about the same home or person at one time. */
  incident_id?: number | null
  group?: AlarmGroup | null
  claim?: Claim | null
  shelved?: { reason: ShelveReason; until: string } | null
  resolved_at: string | null
  outcome: string | null
  outcome_cause?: CauseOfFalseAlarm | null
  news2: News2 | null
  /** For staff only. */
  finding?: AlarmFinding | null
  device: { id: string; kind: string } | null
  elder: ElderBrief | null
  residents: ElderBrief[]
  address: string
  org: Organisation
  /** For staff and the responder only. */
  home: Point | null
  /** While a responder is on the way or there, for staff and her only. */
  entry?: Entry | null
  response: AlarmResponse
}

export interface AlarmWithTimeline {
  card: AlarmCard
  timeline: TimelineEntry[]
  /** For staff only. */
  offers: OfferEntry[]
}
