/** Shapes of what is done about an alarm: tasks, incidents, calls, devices that are told something, the hand-off to 120. */
import type { AlarmCard, AlarmGroup } from './alarms'
import type { ElderBrief, Organisation, Person, Seat, TimelineEntry } from './register'
import type { Point, WorkerBrief } from './work'

/** Something a person has to do by `due_at`; `outcomes` are how it can end. */
export interface TaskCard {
  id: number
  kind: string
  state: 'open' | 'taken' | 'done'
  org: Organisation
  elder: ElderBrief | null
  alarm_id: number | null
  order_id: number | null
  created_at: string
  due_at: string
  overdue: boolean
  taken_by: Person | null
  taken_at: string | null
  done_by: Person | null
  done_at: string | null
  outcome: string | null
  outcomes: string[]
  for_supervisor: boolean
  note: string | null
  detail: Record<string, unknown>
}

export interface IncidentBrief {
  id: number
  opened_at: string
  ended_at: string | null
  is_test: boolean
  group: AlarmGroup | null
  alarms: AlarmCard[]
}

/** One message of a device as it was sent. */
export interface SignalEntry {
  id: number
  alarm_id: number
  device: string
  kind: string
  at: string
  received_at: string
  topic: string
  raw: string
}

export interface IncidentDetail {
  incident: IncidentBrief
  timeline: (TimelineEntry & { alarm_id: number })[]
  signals: SignalEntry[]
  related: IncidentBrief[]
}

/** A telephone call; `elder` whom it is about, `candidates` all whom its number fits. */
export interface CallCard {
  id: number
  direction: 'inbound' | 'outbound'
  state: 'queued' | 'ringing' | 'answered' | 'ended' | 'missed' | 'failed'
  number: string | null
  line: string | null
  party: string
  party_name: string | null
  elder: ElderBrief | null
  candidates: { elder: ElderBrief; party: string; party_name: string | null }[]
  alarm_id: number | null
  org: Organisation
  account: Person | null
  seat: Seat | null
  by_hand: boolean
  queued_at: string
  rang_at: string | null
  answered_at: string | null
  ended_at: string | null
  wait_seconds: number | null
  talk_seconds: number | null
  outcome: string | null
  note: string | null
  order_ids: number[]
}

export const CALL_OUTCOMES = [
  'help_needed',
  'all_well',
  'passed_on',
  'no_answer',
  'engaged',
  'silent',
  'wrong_number',
  'test_call',
  'ordered',
  'other',
] as const
export type CallOutcome = (typeof CALL_OUTCOMES)[number]

export const DEVICE_WISHES = ['talk', 'ring', 'locate'] as const
export type DeviceWish = (typeof DEVICE_WISHES)[number]

export interface ToldCommand {
  id: string
  kind: string
  device: string
  by: Person | null
  state: 'waiting' | 'answered' | 'expired'
  created_at: string
  expires_at: string
  attempts: number
  answered_at: string | null
  result: string | null
  place: Point | null
}

export interface AlarmDevices {
  devices: { id: string; kind: string; raised_it: boolean }[]
  commands: ToldCommand[]
}

export interface HandoffView {
  summary: { made_at: string }
  text: { zh: string; en: string }
  made: { id: number; at: string; by: Person; reference: string | null; note: string | null }[]
}

/** Why a responder stands where she does: circle 1 is asked first, `trust` is how far her phone's position counts. */
export interface Standing {
  travel_minutes: number
  distance_m: number
  familiarity: number
  cost: number
  circle: number | null
  kind: string | null
  skilled: boolean | null
  paired: boolean | null
  on_shift: boolean | null
  position_seconds: number | null
  trust: number | null
}

export interface LeftOut {
  worker_id: number | null
  worker: string | null
  kind: string
  missing: string[]
  travel_minutes: number
  circle: number | null
  rank: number | null
  cost: number
}

export interface Candidates {
  considered: number
  eligible: number
  ranked: { worker: WorkerBrief; reasons: Standing; waived: string[] }[]
  turned_away: Record<string, number>
  left_out: LeftOut[]
  server_time: string
}
