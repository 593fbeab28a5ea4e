import type { OfferCard, OfferState, OrderCard, OrderState } from '../contract/types'
import type { Departure } from '../feed/board'

export type OfferFarewell = 'accepted' | 'declined' | 'expired' | 'withdrawn' | 'lost' | 'gone'
export type VisitFarewell = 'cancelled' | 'reassigned'

const TOLD: Partial<Record<OfferState, OfferFarewell>> = {
  accepted: 'accepted',
  declined: 'declined',
  expired: 'expired',
  withdrawn: 'withdrawn',
  lost: 'lost',
}
/** Ends that the worker brought about herself: the list of what is done says so. */
const OWN_ENDS: readonly OrderState[] = ['completed', 'confirmed', 'settled', 'failed']

/** Why an offer is no longer asked. One that is still open in its last card went while nobody was listening. */
export function offerFarewell({ card }: Departure<OfferCard>): OfferFarewell {
  return (card && TOLD[card.state]) ?? 'gone'
}

/** Why a visit is no longer this worker's, null when she knows: she ended it herself. */
export function visitFarewell({ card, reason }: Departure<OrderCard>): VisitFarewell | null {
  if (card?.state === 'cancelled') return 'cancelled'
  if (card && OWN_ENDS.includes(card.state)) return null
  return reason === 'unseen' ? null : 'reassigned'
}

/** What has left since `before`, by its card's id. */
export function departures<Card>(
  now: ReadonlyMap<number, Departure<Card>>,
  before: ReadonlyMap<number, Departure<Card>>,
): [number, Departure<Card>][] {
  return [...now].filter(([id, departure]) => before.get(id) !== departure)
}
