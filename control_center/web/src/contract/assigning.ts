import { request } from './api'
import type { LeftOut } from './following'
import type { OfferReasons, OrderCard, WorkerBrief } from './work'

/** What no member of staff can set aside: a person who misses one of these is not sent, whoever names her. */
export const NEVER_WAIVED: readonly string[] = ['provider', 'skill', 'sex', 'excluded', 'pair', 'busy']

/** Who could take an order now, best first; the nearest others, each with every condition that she misses. */
export interface OrderCandidates {
  considered: number
  eligible: number
  ranked: { worker: WorkerBrief; reasons: OfferReasons & { starts_at: string | null } }[]
  left_out: LeftOut[]
}

/** What is asked to choose a worker by hand; each rejects with ApiError. */
export const assigningApi = {
  candidates: (orderId: number) => request<OrderCandidates>('GET', `/orders/${orderId}/candidates`),
  assign: (orderId: number, worker_id: number, reason: string, agreed: boolean) =>
    request<{ card: OrderCard }>('POST', `/orders/${orderId}/assign`, { worker_id, reason, agreed }),
}
