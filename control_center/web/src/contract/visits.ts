/** Shapes of what proves a visit, and of what a phone reports afterwards. Times are ISO-8601 UTC text. */
import type { Vital } from './register'
import type { FailReason } from './work'

/** A vital sign that must be in range before a service; measured at most so many minutes before. */
export interface PreCheck {
  sign: Vital
  least: number | null
  most: number | null
  minutes: number
}

/** What proves a visit: what its item demands and what is there. */
export interface VisitProof {
  photos_needed: number
  photos: { id: number; received_at: string; captured_at: string | null; own: boolean }[]
  ticks: { code: string; zh: string; en: string; done_at: string | null }[]
  pre_checks: PreCheck[]
  least_minutes: number
  checked_in_by: 'gps' | 'code' | 'back_entry' | null
  /** The phone's own times of steps that it took without a network. */
  phone_times: Record<string, string>
  /** For staff only. */
  flags: ('evidence_missing' | 'short' | 'offline' | 'back_entry')[]
  flag_reason: string | null
  /** For staff and families until the visit ends. */
  confirm_code: string | null
  confirmed_how: 'staff' | 'family' | 'code' | 'silence' | null
  payment_held: 'review' | 'fraud' | null
  rating: { stars: number; words: string | null; side: 'family' | 'elder'; at: string } | null
}

/** One step as a phone kept it while it had no network. */
export interface StepReport {
  client_id: string
  order_id: number
  step: 'depart' | 'check_in' | 'begin' | 'tick' | 'measure' | 'complete' | 'fail'
  captured_at: string
  lat?: number
  lon?: number
  accuracy_m?: number
  code?: string
  tick?: string
  done?: boolean
  measured?: Partial<Record<Vital, number>>
  note?: string | null
  reason?: string | null
  fail_reason?: FailReason
  elder_code?: string
  photos?: string[]
}

/** What became of a reported step. */
export interface StepAnswer {
  client_id: string
  outcome: 'done' | 'refused'
  code: string | null
  message: string | null
  received_at: string
  repeated: boolean
}

/** The end of a visit as its worker tells it. */
export interface Ending {
  note: string | null
  /** Why evidence is missing or the visit was short. */
  reason: string | null
  /** What the elder's side told her, which confirms the visit at once. */
  elder_code: string | null
}

/** Whether a code hangs in a home, and since when. */
export interface DoorCodeState {
  address: string
  made_at: string | null
  made_by: string | null
}

/** A new code, told once; `image` is a data URI. */
export interface NewDoorCode {
  address: string
  code: string
  image: string
  made_at: string
}
