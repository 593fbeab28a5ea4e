import { api } from '../contract/api'
import type { AlarmCard, DeclineReason, FailReason, OfferCard, OrderCard, Spot } from '../contract/types'
import { perform } from '../phone/perform'
import { glance } from './locate'

/** Ms that completing a visit waits for a position, which it does not need. */
const GLANCE_MS = 4_000

/** What a worker does; each is true once the service has accepted it, a refusal is told and gives false. */
export const work = {
  accept: (offer: OfferCard) => perform('offer', offer.id, () => api.acceptOffer(offer.id)),
  decline: (offer: OfferCard, reason: DeclineReason) =>
    perform('offer', offer.id, () => api.declineOffer(offer.id, reason)),
  depart: (order: OrderCard) => perform('order', order.id, () => api.depart(order.id)),
  checkIn: (order: OrderCard, spot: Spot) => perform('order', order.id, () => api.checkIn(order.id, spot)),
  begin: (order: OrderCard) => perform('order', order.id, () => api.begin(order.id)),
  complete: (order: OrderCard, note: string | null) =>
    perform('order', order.id, async () => api.complete(order.id, await glance(GLANCE_MS), note)),
  fail: (order: OrderCard, reason: FailReason, note: string | null) =>
    perform('order', order.id, () => api.fail(order.id, reason, note)),
  arrive: (alarm: AlarmCard) => perform('alarm', alarm.id, () => api.arrive(alarm.id)),
}
