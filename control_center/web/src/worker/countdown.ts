import type { OfferCard } from '../contract/types'

/** Seconds from which an offer counts as about to end. */
const LAST_SECONDS = 15

/** How much of an offer's time is left. */
export interface Countdown {
  /** Whole seconds, rounded up so that 0 means over. */
  seconds: number
  /** 1 when it was made, 0 when it is over. */
  share: number
  isLast: boolean
}

/** What is left of an offer at server time `now` (ms). */
export function countdown(offer: OfferCard, now: number): Countdown {
  const ends = Date.parse(offer.expires_at)
  const whole = Math.max(1, ends - Date.parse(offer.offered_at))
  // The clock that `now` is read from moves once a second, and may stand before the offer was made.
  const left = Math.min(whole, Math.max(0, ends - now))
  return { seconds: Math.ceil(left / 1000), share: left / whole, isLast: left <= LAST_SECONDS * 1000 }
}

/** Alarms before orders, then what ends first. */
export function byUrgency(offers: Iterable<OfferCard>): OfferCard[] {
  const rank = (offer: OfferCard) => (offer.alarm === null ? 1 : 0)
  return [...offers].sort(
    (one, other) => rank(one) - rank(other) || Date.parse(one.expires_at) - Date.parse(other.expires_at) || one.id - other.id,
  )
}
