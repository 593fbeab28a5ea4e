/** Calls for help that the database does not have yet, straight from the broker. Times are ISO-8601 UTC text. */
import type { ElderBrief, Organisation, Person, Severity } from './register'
import type { Point } from './work'

export interface UnrecordedCard {
  /** Names the call; it gets an alarm's number when the database has it. */
  key: string
  kind: string
  severity: Severity
  is_test: boolean
  why: 'database_away' | 'not_recorded'
  occurred_at: string
  received_at: string
  signal_count: number
  /** Until when the wearer can still say that a fall was none. */
  confirm_at: string | null
  acknowledged_at: string | null
  acknowledged_by: Person | null
  device: { id: string; kind: string }
  elder: ElderBrief | null
  residents: ElderBrief[]
  address: string
  org: Organisation
  home: Point | null
}

/** Every such call in the screen's scope; replaces the frame before it. A socket that has any says so first. */
export interface UnrecordedFrame {
  type: 'unrecorded'
  cards: UnrecordedCard[]
  server_time: string
}

/** Whether such calls would be shown without the database. */
export interface LaneHealth {
  listening: boolean | null
  copy_age_seconds: number | null
  answers_waiting: number
}

export interface Unrecorded {
  cards: UnrecordedCard[]
  lane: LaneHealth
}
