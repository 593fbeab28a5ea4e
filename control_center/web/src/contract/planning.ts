/** Shapes of what a shift supervisor plans: rotas, escalation, promises, and how messages get out. Times are ISO-8601 UTC text. */
import type { Organisation, Person, Role, Severity } from './register'

export const ALARM_KINDS = [
  'sos',
  'phone_call',
  'fall',
  'smoke',
  'gas',
  'leak',
  'vitals',
  'no_movement',
  'wandering',
  'water_low',
  'street_dark',
  'device_offline',
  'battery_low',
  'clock_wrong',
  'device_refused',
  'unreadable_event',
  'ingest_behind',
  'engine_stuck',
  'worker_sos',
] as const
export type AlarmKind = (typeof ALARM_KINDS)[number]
export const DAY_KINDS = ['any', 'workday', 'holiday'] as const
export type DayKind = (typeof DAY_KINDS)[number]
export const TARGET_KINDS = ['seat', 'role', 'rota', 'contact', 'family', 'street_centre', 'grid_worker', 'account'] as const
export type TargetKind = (typeof TARGET_KINDS)[number]
export const TARGET_LEVELS = ['unit', 'street', 'district'] as const
export type TargetLevel = (typeof TARGET_LEVELS)[number]
export const TARGET_ROLES = ['operator', 'supervisor'] as const
export type TargetRole = (typeof TARGET_ROLES)[number]

/** Whom a step calls: the `number`-th best seat or contact, a role at a level or a unit, a rota, an account, relatives … */
export interface PolicyTarget {
  kind: TargetKind
  number: number | null
  role: TargetRole | null
  level: TargetLevel | null
  org: Organisation | null
  rota: Person | null
  account: Person | null
}

/** A target as it is sent. */
export interface NewTarget {
  kind: TargetKind
  number: number | null
  role: TargetRole | null
  level: TargetLevel | null
  org_code: string | null
  rota_id: number | null
  account_id: number | null
}

/** `after_seconds` from the alarm, or from its being raised again. */
export interface PolicyStep<Target = PolicyTarget, Count = number> {
  after_seconds: Count
  targets: Target[]
}

/** `Count` is null where nothing that is a number was typed. */
interface PolicyRule<Count = number> {
  name: string
  kind: AlarmKind | null
  severity: Severity | null
  day_kind: DayKind
  /** By the district's clock, `22:00`; across midnight where until is the earlier. */
  from_time: string | null
  until_time: string | null
  repeats: Count
  repeat_seconds: Count
}

/** One version. Without `org` and `elder` it came with the service and holds everywhere. */
export interface Policy extends PolicyRule {
  code: string
  version: number
  org: Organisation | null
  elder: Person | null
  steps: PolicyStep[]
  valid_from: string
  valid_to: string | null
  set_by: string | null
  ended_by: string | null
  may_change: boolean
}

export interface NewPolicy extends PolicyRule<number | null> {
  org_code: string | null
  elder_id: number | null
  steps: PolicyStep<NewTarget, number | null>[]
}

/** Holidays are known until `known_until`; `warns` from 60 days before. */
export interface HolidayCalendar {
  today: Exclude<DayKind, 'any'>
  known_until: string
  warns: boolean
}

export interface Policies {
  policies: Policy[]
  calendar: HolidayCalendar
}

/** Which policy an alarm would follow now, and whom each step would call by name; nobody: it is passed over at once. */
export interface Forecast {
  policy: Policy | null
  steps: (PolicyStep & { persons: string[] })[]
}

/** A time without a hand-over in it; nobody is a gap. */
export interface Span {
  starts_at: string
  ends_at: string
  persons: Person[]
}

export interface RotaCard {
  id: number
  org: Organisation
  name: string
  check_hours: number
  on_now: Person[]
  next_hand_over: string | null
  gaps: Span[]
  unreachable: Person[]
  may_change: boolean
}

export interface NewRota {
  org_code: string
  name: string
  check_hours: number
}

export interface NewLayer {
  first_day: string
  every_days: number
  hand_over: string[]
  turns: number[][]
  since: string | null
}

export interface RotaLayer extends Omit<NewLayer, 'turns' | 'since'> {
  position: number
  turns: Person[][]
  valid_from: string
  valid_to: string | null
  set_by: string
}

export interface NewOverride {
  starts_at: string
  ends_at: string
  absent_id: number | null
  substitute_id: number | null
  reason: string | null
}

export interface RotaOverride {
  id: number
  starts_at: string
  ends_at: string
  absent: Person | null
  substitute: Person | null
  reason: string | null
  by_swap: boolean
  set_by: string
  set_at: string
}

interface Period {
  starts_at: string
  ends_at: string
}

export interface NewSwap {
  partner_id: number
  give: Period
  take: Period | null
  note: string | null
}

export interface Swap extends Period {
  id: number
  rota_id: number
  rota: string
  asked_by: Person
  partner: Person
  return_starts_at: string | null
  return_ends_at: string | null
  note: string | null
  state: 'asked' | 'agreed' | 'refused' | 'withdrawn'
  asked_at: string
  answered_at: string | null
}

/** For the shift that begins at `for_shift_at`. */
export interface HandoverNote {
  id: number
  rota_id: number
  rota: string
  author: Person
  at: string
  note: string
  for_shift_at: string
  read_by: { person: Person; at: string }[]
  waits_for: Person[]
}

export interface RotaDetail {
  card: RotaCard
  layers: RotaLayer[]
  overrides: RotaOverride[]
  spans: Span[]
  checks: (Period & { checked_at: string; unreachable: Person[] })[]
  swaps: Swap[]
  notes: HandoverNote[]
}

export interface Colleague extends Person {
  role: Role
  org: Organisation | null
}

export interface OwnShifts {
  shifts: (Period & { rota_id: number; rota: string })[]
  swaps: Swap[]
  notes: HandoverNote[]
}
