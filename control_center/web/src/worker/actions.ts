import { api } from '../contract/api'
import type { AlarmCard, DeclineReason, Ending, FailReason, OfferCard, OrderCard, Spot, Vital } from '../contract/types'
import { perform } from '../phone/perform'
import { glance } from './locate'
import { isAway, type NewStep } from './outbox/outbox'
import { outbox } from './outbox/own'
import { hashOf } from './proof/shrink'

/** Ms that completing a visit waits for a position, which it does not need. */
const GLANCE_MS = 4_000

/**
 * Sends a step of a visit, or keeps it where there is no network. While something of the visit waits, all that follows
 * waits behind it: the service is told in the order in which it was done.
 */
async function step(order: OrderCard, kept: Omit<NewStep, 'order_id'>, send: () => Promise<unknown>): Promise<boolean> {
  const keep = () => outbox.addStep({ ...kept, order_id: order.id })
  if (outbox.hasFor(order.id) || !navigator.onLine) {
    await keep()
    return true
  }
  return perform('order', order.id, () =>
    send().catch((error: unknown) => {
      if (!isAway(error)) throw error
      return keep()
    }),
  )
}

/** What a worker does; each is true once the service has accepted it, a refusal is told and gives false. */
export const work = {
  accept: (offer: OfferCard) => perform('offer', offer.id, () => api.acceptOffer(offer.id)),
  decline: (offer: OfferCard, reason: DeclineReason) =>
    perform('offer', offer.id, () => api.declineOffer(offer.id, reason)),
  depart: (order: OrderCard) => step(order, { step: 'depart' }, () => api.depart(order.id)),
  checkIn: (order: OrderCard, spot: Spot | null, code: string | null = null) =>
    step(order, { step: 'check_in', ...spot, ...(code === null ? {} : { code }) }, () =>
      api.checkIn(order.id, spot, code),
    ),
  begin: (order: OrderCard) => step(order, { step: 'begin' }, () => api.begin(order.id)),
  measure: (order: OrderCard, signs: Partial<Record<Vital, number>>) =>
    step(order, { step: 'measure', measured: signs }, () => api.measure(order.id, signs)),
  tick: (order: OrderCard, code: string, done: boolean) =>
    step(order, { step: 'tick', tick: code, done }, () => api.tick(order.id, code, done)),
  /** Keeps or sends a picture; rejects with why it was refused. */
  photo: async (order: OrderCard, picture: Blob): Promise<void> => {
    const taken = new Date().toISOString()
    const keep = async () => outbox.addPhoto(order.id, picture, await hashOf(picture))
    if (outbox.hasFor(order.id) || !navigator.onLine) return keep()
    try {
      await api.sendPhoto(order.id, picture, taken)
    } catch (error) {
      if (!isAway(error)) throw error
      await keep()
    }
  },
  complete: async (order: OrderCard, ending: Ending) => {
    const spot = await glance(GLANCE_MS)
    const photos = outbox.photosOf(order.id).map((photo) => photo.sha256)
    const { elder_code, ...words } = ending
    const kept = { step: 'complete' as const, ...spot, ...words, photos, ...(elder_code ? { elder_code } : {}) }
    return step(order, kept, () => api.complete(order.id, spot, ending))
  },
  fail: (order: OrderCard, reason: FailReason, note: string | null) =>
    step(order, { step: 'fail', fail_reason: reason, note }, () => api.fail(order.id, reason, note)),
  arrive: (alarm: AlarmCard) => perform('alarm', alarm.id, () => api.arrive(alarm.id)),
}
