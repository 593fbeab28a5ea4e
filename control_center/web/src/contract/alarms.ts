/** Shapes of alarms. Times are ISO-8601 UTC text. */
import type { ElderBrief, News2, Organisation, Person, Severity, SlaTarget, TimelineEntry } from './register'
import type { AlarmResponse, OfferEntry, Point } from './work'

export type AlarmState =
  | 'pending'
  | 'raised'
  | 'acknowledged'
  | 'dispatched'
  | 'on_scene'
  | 'resolved'
  | 'closed'
  | 'cancelled'
export type SlaStage = 'answer' | 'dispatch' | 'on_scene'

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
  sla: Partial<Record<SlaStage, SlaTarget | null>>
  next_due: { at: string; reason: string } | null
  escalation: { level: number; roles: string[] }
  acknowledged_at: string | null
  acknowledged_by: Person | null
  resolved_at: string | null
  outcome: string | null
  news2: News2 | null
  device: { id: string; kind: string } | null
  elder: ElderBrief | null
  residents: ElderBrief[]
  address: string
  org: Organisation
  /** For staff and the responder only. */
  home: Point | null
  response: AlarmResponse
}

export interface AlarmWithTimeline {
  card: AlarmCard
  timeline: TimelineEntry[]
  /** For staff only. */
  offers: OfferEntry[]
}
