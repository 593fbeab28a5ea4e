/** Shapes of promises, how they were kept, and how messages get out. Times are ISO-8601 UTC text. */
import type { AlarmKind } from './planning'
import type { Organisation, Person, Role, Severity } from './register'

/** The promises of an alarm in the order in which they fall due. */
export const PROMISED = ['answer', 'dispatch', 'accept', 'on_scene', 'resolve'] as const
export type Promised = (typeof PROMISED)[number]

/** Seconds from the alarm; null is no promise. */
type PromisedSeconds = Record<`${Promised}_seconds`, number | null>

export type PromisePolicy = PromisedSeconds & {
  id: number
  org: Organisation | null
  kind: AlarmKind | null
  severity: Severity
  note: string | null
  valid_from: string
  valid_to: string | null
  set_by: string | null
  ended_by: string | null
}

export type NewPromises = PromisedSeconds & {
  org_code: string
  kind: AlarmKind | null
  severity: Severity
  note: string | null
}

export interface PromisePolicies {
  standing: PromisePolicy[]
  history: PromisePolicy[]
}

export const GROUPINGS = ['day', 'unit', 'seat', 'kind'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** Times in seconds without pauses. */
export interface Measured {
  measure: Promised | 'call_answer' | 'call_talk'
  decided: number
  kept: number
  broken: number
  times: { mean: number; p50: number; p90: number; p99: number } | null
  bar: { calls: number; within_60: number; within_180: number; passed: boolean } | null
}

export interface ReportGroup {
  key: string | null
  name: string | null
  measures: Measured[]
}

export interface Compliance {
  since: string
  until: string
  by: Grouping
  severity: Severity | null
  in_all: Measured[]
  groups: ReportGroup[]
}

/** Empty text is whatever the server takes without. */
export interface ReportWish {
  by: Grouping
  since: string
  until: string
  org_code: string
  severity: string
}

export type TransportName = 'screen' | 'web_push' | 'voice' | 'sms' | 'email' | 'webhook'

/** `off` is not configured, `failing` failed last or lets messages wait for over 30 s. */
export interface TransportHealth {
  name: TransportName
  light: 'good' | 'failing' | 'off'
  timeout_seconds: number
  attempts: number
  waiting: number
  late: number
  last_success_at: string | null
  last_failure_at: string | null
  last_error: string | null
}

/** `working` ways reach the person away from a screen. */
export interface Reachable {
  person: Person
  role: Role
  ways: TransportName[]
  working: number
  at_screen: boolean
}

/** Events of alarms that other systems may be told of. */
export const WEBHOOK_KINDS = [
  'alarm.raised',
  'alarm.worsened',
  'alarm.escalated',
  'alarm.realarmed',
  'alarm.acknowledged',
  'alarm.dispatched',
  'alarm.arrived',
  'alarm.resolved',
  'alarm.cancelled',
  'alarm.closed',
  'alarm.breached',
  'alarm.shelved',
  'alarm.unshelved',
] as const

export interface NewWebhook {
  org_code: string
  name: string
  url: string
  kinds: string[]
}

export interface Webhook extends NewWebhook {
  id: number
  created_at: string
  last_state: 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'withdrawn' | null
  last_error: string | null
  last_sent_at: string | null
}
