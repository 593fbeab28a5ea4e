import { CONDITIONS, type Condition, type TurnedAway } from '../contract/types'

export interface TurnedAwayBy {
  condition: Condition
  count: number
}

/** How many workers each condition turned away, most first; conditions that turned nobody away are left out. */
export function byCondition(turnedAway: TurnedAway): TurnedAwayBy[] {
  return CONDITIONS.map((condition) => ({ condition, count: turnedAway[condition] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
}

export function totalTurnedAway(turnedAway: TurnedAway): number {
  return byCondition(turnedAway).reduce((sum, { count }) => sum + count, 0)
}
