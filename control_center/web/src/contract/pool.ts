import { query, request } from './api'
import type { Organisation } from './types'

/** The provider pool as the service tells it: providers, their papers and their workers. */

export const PROVIDER_STATES = ['applied', 'admitted', 'suspended', 'exited'] as const
export type ProviderState = (typeof PROVIDER_STATES)[number]
export const PAPER_STANDINGS = ['good', 'ending', 'ended', 'revoked', 'later'] as const
export type PaperStanding = (typeof PAPER_STANDINGS)[number]
export const DOCUMENT_KINDS = ['business_licence', 'food_licence', 'insurance', 'contract', 'other'] as const
export type DocumentKind = (typeof DOCUMENT_KINDS)[number]

/** Which state may follow which; the service decides, this says which buttons there are. */
export const PROVIDER_STEPS: Record<ProviderState, readonly ProviderState[]> = {
  applied: ['admitted', 'exited'],
  admitted: ['suspended', 'exited'],
  suspended: ['admitted', 'exited'],
  exited: ['applied'],
}

export interface ProviderRow {
  id: number
  name: string
  state: ProviderState
  state_since: string
  state_reason: string | null
  suspended_until: string | null
  areas: Organisation[]
  workers: number
  papers_ending: number
  score: number | null
  contact_name: string | null
  contact_phone: string | null
  may_decide: boolean
}

export interface Paper {
  id: number
  number: string | null
  issuer: string | null
  valid_from: string
  valid_to: string | null
  checked_by: string | null
  standing: PaperStanding
  revoked_reason: string | null
}

export interface Certificate extends Paper {
  skill: string
}

export interface ProviderDocument extends Paper {
  kind: DocumentKind
}

export interface PoolWorker {
  id: number
  name: string
  sex: 'female' | 'male' | null
  kind: string
  travel: string
  phone: string | null
  certificates: Certificate[]
  on_leave: boolean
  left_at: string | null
}

export interface PoolEvent {
  at: string
  kind: string
  actor: { id: number; name: string } | null
  reason: string | null
  until: string | null
}

export interface ProviderDetail {
  card: ProviderRow
  address: string | null
  orders_a_day: number | null
  orders_at_once: number | null
  every_service: boolean
  services: { item: string; name_zh: string; name_en: string; provider_fen: number | null; catalogue_fen: number }[]
  documents: ProviderDocument[]
  workers: PoolWorker[]
  history: PoolEvent[]
  /** After a command: how many orders and alarms it changed. */
  changed: number | null
}

export interface Exclusion {
  elder: { id: number; name: string }
  worker: { id: number; name: string }
  asked_by: 'elder' | 'worker' | 'staff'
  reason: string
  since: string
  set_by: string | null
}

export interface PoolWorkerDetail {
  row: PoolWorker
  certificates: Certificate[]
  shifts: { id: number; starts_at: string; ends_at: string; hours_id: number | null }[]
  leaves: { id: number; kind: string; starts_at: string; ends_at: string | null; note: string | null }[]
  exclusions: Exclusion[]
  visits: { order_id: number; state: string; name_zh: string; name_en: string; elder: string; window_from: string; window_to: string }[]
  history: PoolEvent[]
  may_change: boolean
  changed: number | null
}

export interface NewPaper {
  number: string | null
  issuer: string | null
  valid_from: string
  valid_to: string | null
}

/** What the provider pool's page asks for; each rejects with ApiError. */
export const poolApi = {
  providers: (state: ProviderState | '', text: string) =>
    request<{ providers: ProviderRow[] }>('GET', `/providers?${query({ ...(state && { state }), ...(text && { text }) })}`),
  provider: (id: number) => request<ProviderDetail>('GET', `/providers/${id}`),
  enter: (provider: { name: string; contact_name: string | null; contact_phone: string | null; areas: string[] }) =>
    request<ProviderDetail>('POST', '/providers', provider),
  decide: (id: number, to: ProviderState, reason: string, until: string | null) =>
    request<ProviderDetail>('POST', `/providers/${id}/decisions`, { to, reason, until }),
  addDocument: (id: number, kind: DocumentKind, paper: NewPaper) =>
    request<ProviderDetail>('POST', `/providers/${id}/documents`, { kind, ...paper }),
  addArea: (id: number, code: string) => request<ProviderDetail>('PUT', `/providers/${id}/areas/${code}`, {}),
  endArea: (id: number, code: string) => request<ProviderDetail>('DELETE', `/providers/${id}/areas/${code}`),
  worker: (id: number) => request<PoolWorkerDetail>('GET', `/workers/${id}`),
  addCertificate: (id: number, skill: string, paper: NewPaper) =>
    request<PoolWorkerDetail>('POST', `/workers/${id}/certificates`, { skill, ...paper }),
  revoke: (id: number, certificateId: number, reason: string) =>
    request<PoolWorkerDetail>('POST', `/workers/${id}/certificates/${certificateId}/revoke`, { reason }),
  endExclusion: (elderId: number, workerId: number, reason: string) =>
    request<unknown>('POST', `/elders/${elderId}/exclusions/${workerId}/end`, { reason }),
}
