import type { AlarmCard, SlaStage, SlaTarget } from '../contract/types'
import { firstUnmet, type RunningClock } from '../time/promises'

export const ALARM_STAGES: readonly SlaStage[] = ['answer', 'dispatch', 'accept', 'on_scene', 'resolve']

/** The first target not met yet, or null when the alarm is over, pending or has none left. Paused clocks stand still. */
export function runningClock(card: AlarmCard, now: number): RunningClock<SlaStage> | null {
  const { paused } = card.sla
  return isBeingWorkedOn(card) ? firstUnmet(ALARM_STAGES, card.sla, paused ? Date.parse(paused.since) : now) : null
}

/** True while a target that is still unmet has passed its time. */
export function isOverdue(card: AlarmCard, now: number): boolean {
  return runningClock(card, now)?.overdue ?? false
}

/** Ms left of a fall candidate's time to be cancelled by the wearer, or null for other alarms. */
export function candidateLeft(card: AlarmCard, now: number): number | null {
  if (card.state !== 'pending' || card.next_due === null) return null
  return Math.max(0, Date.parse(card.next_due.at) - now)
}

/** Ms from the alarm until it was answered, or null while unanswered. */
export function answerTime(card: AlarmCard): number | null {
  if (card.acknowledged_at === null) return null
  return Math.max(0, Date.parse(card.acknowledged_at) - Date.parse(card.raised_at))
}

/** Whether a target was kept: null while it is still open or absent. */
export function wasKept(target: SlaTarget | null | undefined): boolean | null {
  if (!target || target.met_at === null) return target?.breached ? false : null
  return !target.breached
}

export function isEnded(card: AlarmCard): boolean {
  return card.state === 'resolved' || card.state === 'closed' || card.state === 'cancelled'
}

function isBeingWorkedOn(card: AlarmCard): boolean {
  return card.state !== 'pending' && !isEnded(card)
}
