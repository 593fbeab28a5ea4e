/** Shapes of accounts, elders, their devices and vitals, and the day at a glance. Times are ISO-8601 UTC text. */
export type Role = 'operator' | 'supervisor' | 'worker' | 'family' | 'administrator'
export type Severity = 'emergency' | 'urgent' | 'advisory' | 'technical'
export type ElderState = 'home' | 'hospital' | 'travelling' | 'deceased' | 'test'
export type Vital = 'hr' | 'spo2' | 'rr' | 'temp' | 'sbp' | 'dbp'

export const SEVERITIES: readonly Severity[] = ['emergency', 'urgent', 'advisory', 'technical']
export const OUTCOMES = [
  'helped_on_site',
  'helped_by_phone',
  'ambulance_called',
  'family_attended',
  'no_answer_visited',
  'hospital',
  'unreachable',
  'false_alarm',
  'device_fault',
  'test_call',
] as const
export type Outcome = (typeof OUTCOMES)[number]
export const CAUSES_OF_FALSE_ALARM = [
  'pressed_by_mistake',
  'taken_off',
  'not_a_fall',
  'cooking_or_steam',
  'cleaning_or_repairs',
  'visitor_or_pet',
  'measured_wrongly',
  'unknown',
] as const
export type CauseOfFalseAlarm = (typeof CAUSES_OF_FALSE_ALARM)[number]
export const SHELVE_REASONS = [
  'known_fault',
  'engineer_coming',
  'elder_away',
  'waiting_for_family',
  'works_in_building',
  'other',
] as const
export type ShelveReason = (typeof SHELVE_REASONS)[number]
export const ELDER_STATES: readonly ElderState[] = ['home', 'hospital', 'travelling', 'test', 'deceased']

export interface Person {
  id: number
  name: string
}

export interface Organisation {
  code: string
  name: string
}

/** A desk at which somebody answers alarms. */
export interface Seat {
  id: number
  name: string
  org: Organisation
}

export interface SeatEntry extends Seat {
  taken_by: string | null
  retired: boolean
}

export interface Session {
  account: { id: number; username: string; name: string; role: Role }
  organisation: Organisation | null
  seat?: Seat | null
  server_time: string
}

export interface Overview {
  elders: number
  devices: { online: number; total: number }
  open_alarms: Record<Severity, number>
  today: {
    raised: number
    answered: number
    answered_within_target: number
    escalated: number
    median_answer_seconds: number | null
    dispatched: number
    dispatched_within_target: number
    on_scene: number
    on_scene_within_target: number
  }
  orders: {
    open: number
    attention: number
    late: number
    today: {
      requested: number
      accepted: number
      accepted_within_target: number
      completed: number
      arrived_within_window: number
    }
  }
  /** Open alarms and orders with a promise that is broken now. */
  breached: { alarms: number; orders: number }
  /** How the service itself does; null for a family. */
  ingest: IngestHealth[] | null
}

/** Whether what devices send on one lane group is stored in time. */
export interface IngestHealth {
  lane_group: 'telemetry' | 'event'
  /** The longest that a message waits to be stored, in seconds. */
  lag_seconds: number
  /** For how many of the eight shards nobody works. */
  shards_unserved: number
  /** Null while it keeps up. */
  behind_since: string | null
  /** False when nobody has looked lately: nothing is known. */
  watched: boolean
}

export interface SlaTarget {
  due_at: string
  met_at: string | null
  breached: boolean
}

export interface News2Value {
  value: number
  points: number
  age_seconds: number
}

export interface News2 {
  score: number
  complete: boolean
  missing: string[]
  single_three: boolean
  scale: number
  values: Record<string, News2Value>
}

export interface ElderBrief {
  id: number
  name: string
  gender: 'female' | 'male'
  age: number
  state: ElderState
  living_alone: boolean
  tags: string[]
  address: string
  org: Organisation
  phone: string | null
}

export interface TimelineEntry {
  id: number
  at: string
  kind: string
  actor: Person | null
  /** From which desk it was done; for staff only. */
  seat?: string | null
  note: string | null
  detail: Record<string, unknown> | null
}

export interface Contact {
  name: string
  relation: string
  phone: string
  priority: number
}

export interface ElderDevice {
  id: string
  kind: string
  last_seen_at: string | null
  online: boolean
  /** Online since, or silent since. */
  since: string | null
  battery: number | null
  battery_low: boolean
  /** By how much a wrong clock is ahead; for staff only, as the firmware. */
  clock_off_seconds: number | null
  firmware: string | null
  firmware_since: string | null
}

export interface LatestValue {
  value: number
  at: string
}

/** How to get into a home; null is "not on file". */
export interface Entry {
  phone: string | null
  door_note: string | null
  key_holder: string | null
  key_holder_phone: string | null
}

export interface ElderCard extends ElderBrief {
  medicines?: string[]
  allergies?: string[]
  entry?: Entry | null
  contacts: Contact[]
  conditions: string[]
  oxygen_scale: number
  devices: ElderDevice[]
  latest: Partial<Record<Vital | 'steps', LatestValue | null>>
  news2: News2 | null
  open_alarm_ids: number[]
  position: { lat: number; lon: number; at: string } | null
}

export type VitalsPoint = { at: string } & Partial<Record<Vital, number | null>>

export interface DeadLetter {
  id: number
  received_at: string
  topic: string
  device_id: string | null
  reason: string
  detail: string | null
  size: number
  payload_base64: string
}

export interface DeadLetterPage {
  dead_letters: DeadLetter[]
  total: number
  by_reason: Record<string, number>
}

export interface LiveNumbers {
  devices_online: number
  devices_total: number
}
