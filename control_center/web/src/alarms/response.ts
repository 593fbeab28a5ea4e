import type { AlarmCard } from '../contract/types'
import { isEnded } from './sla'

/** Where an alarm's response stands: `there` is a responder who has arrived. */
export type ResponseStage = 'none' | 'searching' | 'nobody' | 'found' | 'there'

export function responseStage(card: AlarmCard): ResponseStage {
  const { state, responder } = card.response
  if (responder !== null) return arrivedAt(card) === null ? 'found' : 'there'
  return state === 'searching' || state === 'nobody' ? state : 'none'
}

/** Why no responder can be sent now: the key of a message, or null when one can. Whoever is late can be replaced. */
export function whyNotSend(card: AlarmCard, now: number): string | null {
  if (isEnded(card)) return 'alarm.ended'
  if (card.state === 'pending') return 'candidate.hint'
  if (card.state === 'raised' || card.state === 'shelved') return 'response.answerFirst'
  const stage = responseStage(card)
  return stage === 'none' || stage === 'nobody' || isResponderLate(card, now) ? null : 'response.running'
}

/** True while a responder has not arrived although the promised time is over. `now` is server time in ms. */
function isResponderLate(card: AlarmCard, now: number): boolean {
  const promised = card.sla.on_scene?.due_at
  return responseStage(card) === 'found' && promised !== undefined && Date.parse(promised) < now
}

/** When the responder arrived, null before that. */
export function arrivedAt(card: AlarmCard): string | null {
  return card.sla.on_scene?.met_at ?? null
}

/** When the responder set out, null before that and where no promise of it was made. */
export function setOutAt(card: AlarmCard): string | null {
  return card.sla.accept?.met_at ?? card.sla.dispatch?.met_at ?? null
}

/** Ms that the open offers still stand, or null when nobody is being asked. */
export function searchLeft(card: AlarmCard, now: number): number | null {
  const { state, due_at: due } = card.response
  return state === 'searching' && due !== null ? Math.max(0, Date.parse(due) - now) : null
}
