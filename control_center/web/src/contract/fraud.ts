import { request } from './api'
import type { Point } from './work'

/** What speaks against workers, for supervisors alone. Times are ISO-8601 UTC text. */

export const PATTERNS = [
  'same_photo',
  'impossible_travel',
  'too_short',
  'clustered',
  'vague_position',
  'code_elsewhere',
  'back_entries',
  'capture_time',
  'ended_together',
  'evidence_missing',
  'not_taken_place',
] as const
export type Pattern = (typeof PATTERNS)[number]

/** The score is told for twenty visits, of the last 30 days. */
export interface Suspect {
  worker_id: number
  name: string
  provider: string
  score: number
  findings: number
  visits: number
  last_at: string
  task_id: number | null
}

/** A pattern found in a visit, with what shows it, and where the home is and the worker was. */
export interface Finding {
  pattern: Pattern
  weight: number
  at: string
  evidence: Record<string, unknown>
  verdict: 'confirmed_fraud' | 'no_fraud' | null
  order_id: number
  elder: string
  address: string
  home: Point | null
  checked_in_at: string | null
  checked_in_by: 'gps' | 'code' | 'back_entry' | null
  checked_in: Point | null
  completed_at: string | null
  completed: Point | null
  /** Of a way that nobody travels so fast: where the visit before was left, if the caller may see that one. */
  left: Point | null
}

export interface SuspectDetail {
  worker: Suspect
  /** Newest first. */
  findings: Finding[]
}

/** Everything found about a worker; rejects with ApiError. */
export const fraudApi = {
  suspect: (workerId: number) => request<SuspectDetail>('GET', `/fraud/${workerId}`),
}
