import { SEVERITIES, type AlarmCard, type Severity } from '../contract/types'
import { isOverdue } from './sla'

/** Alarms in the order an operator should take them. `now` is server time in ms. */
export function inOrderOfUrgency(cards: Iterable<AlarmCard>, now: number): AlarmCard[] {
  return [...cards]
    .filter((card) => card.state !== 'pending')
    .sort((a, b) => compare(a, b, now))
}

/** Fall candidates, the one that will be confirmed soonest first. */
export function candidates(cards: Iterable<AlarmCard>): AlarmCard[] {
  return [...cards]
    .filter((card) => card.state === 'pending')
    .sort((a, b) => due(a) - due(b) || a.id - b.id)
}

/** How many alarms of each severity are open; candidates are not alarms yet. */
export function countBySeverity(cards: Iterable<AlarmCard>): Record<Severity, number> {
  const counts: Record<Severity, number> = { emergency: 0, urgent: 0, advisory: 0, technical: 0 }
  for (const card of cards) if (card.state !== 'pending') counts[card.severity] += 1
  return counts
}

export function isUnanswered(card: AlarmCard): boolean {
  return card.state === 'raised'
}

/** A test never stands before a real alarm, nor what is put aside before what is not; then severity, unanswered, overdue,
 * oldest. */
function compare(a: AlarmCard, b: AlarmCard, now: number): number {
  return (
    Number(a.is_test) - Number(b.is_test) ||
    Number(a.state === 'shelved') - Number(b.state === 'shelved') ||
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    Number(isUnanswered(b)) - Number(isUnanswered(a)) ||
    Number(isOverdue(b, now)) - Number(isOverdue(a, now)) ||
    Date.parse(a.raised_at) - Date.parse(b.raised_at) ||
    a.id - b.id
  )
}

function due(card: AlarmCard): number {
  return card.next_due ? Date.parse(card.next_due.at) : Number.MAX_SAFE_INTEGER
}
