import { SEVERITIES, type AlarmCard, type Role, type UnrecordedCard } from '../contract/types'
import { isUnanswered } from '../alarms/order'
import { isWaiting } from '../unrecorded/calls'

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
const UNRECORDED_LOUDER_AFTER_MS = 20_000
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

/** Calls that are not recorded, and server time in ms. */
export interface Calls {
  calls: readonly UnrecordedCard[]
  now: number
}

/** The most pressing sound for these cards and calls, or null for silence. Tests only ever chime. */
export function soundDemand(
  cards: Iterable<AlarmCard>,
  role: Role,
  stale: boolean,
  { calls, now }: Calls = { calls: [], now: 0 },
): SoundDemand | null {
  const unanswered = [...cards].filter(isUnanswered)
  const waiting = calls.filter((call) => isWaiting(call, now))
  const real = [...unanswered, ...waiting].filter((one) => !one.is_test)
  const worst = SEVERITIES.find((severity) => real.some((one) => one.severity === severity))
  if (worst === 'emergency' || worst === 'urgent') {
    const louder = unanswered.some((card) => !card.is_test && isEscalatedTo(card, role)) || waiting.some(isOverdue)
    return { pattern: worst, louder, everyMs: louder ? LOUDER_EVERY_MS : EVERY_MS[worst] }
  }
  if (stale) return { pattern: 'stale', louder: false, everyMs: EVERY_MS.stale }
  const isChime = unanswered.length + waiting.length > 0
  return isChime ? { pattern: 'advisory', louder: false, everyMs: EVERY_MS.advisory } : null

  /** Nobody escalates without the database: every screen grows louder instead. */
  function isOverdue(call: UnrecordedCard): boolean {
    return !call.is_test && now - Date.parse(call.received_at) >= UNRECORDED_LOUDER_AFTER_MS
  }
}

/** Whether `demand` should sound at `now` (ms): at once when it is new or more pressing, else in its rhythm. */
export function isDue(demand: SoundDemand, last: Played | null, now: number): boolean {
  if (last === null || pressure(demand) > pressure(last.demand)) return true
  return now - last.at >= demand.everyMs
}

function pressure(demand: SoundDemand): number {
  return RANK.indexOf(demand.pattern) * 2 + Number(demand.louder)
}
