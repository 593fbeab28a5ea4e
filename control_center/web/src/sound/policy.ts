import { SEVERITIES, type AlarmCard, type Role } from '../contract/types'
import { isUnanswered } from '../alarms/order'

export type Pattern = 'emergency' | 'urgent' | 'advisory' | 'stale'

/** What should be heard now, and how often it repeats. */
export interface SoundDemand {
  pattern: Pattern
  /** An alarm has been escalated to this listener's role. */
  louder: boolean
  everyMs: number
}

export interface Played {
  demand: SoundDemand
  at: number
}

const EVERY_MS: Record<Pattern, number> = { emergency: 4_000, urgent: 8_000, stale: 10_000, advisory: 30_000 }
const LOUDER_EVERY_MS = 2_500
const RANK: readonly Pattern[] = ['advisory', 'stale', 'urgent', 'emergency']

/** The names under which escalation calls each role that sits at this console. */
const CALLED_AS: Partial<Record<Role, readonly string[]>> = {
  operator: ['second_seat', 'operator'],
  supervisor: ['supervisor'],
}

/** True when an unanswered alarm has been escalated to this role. */
export function isEscalatedTo(card: AlarmCard, role: Role): boolean {
  const names = CALLED_AS[role] ?? []
  return isUnanswered(card) && card.escalation.roles.some((called) => names.includes(called))
}

/** The most pressing sound for these cards, or null for silence. Tests only ever chime. */
export function soundDemand(cards: Iterable<AlarmCard>, role: Role, stale: boolean): SoundDemand | null {
  const unanswered = [...cards].filter(isUnanswered)
  const real = unanswered.filter((card) => !card.is_test)
  const worst = SEVERITIES.find((severity) => real.some((card) => card.severity === severity))
  if (worst === 'emergency' || worst === 'urgent') {
    const louder = real.some((card) => isEscalatedTo(card, role))
    return { pattern: worst, louder, everyMs: louder ? LOUDER_EVERY_MS : EVERY_MS[worst] }
  }
  if (stale) return { pattern: 'stale', louder: false, everyMs: EVERY_MS.stale }
  return unanswered.length > 0 ? { pattern: 'advisory', louder: false, everyMs: EVERY_MS.advisory } : null
}

/** Whether `demand` should sound at `now` (ms): at once when it is new or more pressing, else in its rhythm. */
export function isDue(demand: SoundDemand, last: Played | null, now: number): boolean {
  if (last === null || pressure(demand) > pressure(last.demand)) return true
  return now - last.at >= demand.everyMs
}

function pressure(demand: SoundDemand): number {
  return RANK.indexOf(demand.pattern) * 2 + Number(demand.louder)
}
