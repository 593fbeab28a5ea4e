import type { OrderCard } from '../contract/types'

const TAKEN_PLACE = ['completed', 'confirmed', 'settled']

/** True while staff may write down what the elder says of a visit: it took place, and nobody has rated it. */
export function mayRate(card: OrderCard): boolean {
  return TAKEN_PLACE.includes(card.state) && card.proof.rating === null
}

/** True while staff may take a complaint: of the leading order of a visit that somebody had accepted or that is overdue. */
export function mayComplain(card: OrderCard, now: number): boolean {
  return card.lead_id === null && (card.worker !== null || Date.parse(card.window_to) < now)
}
