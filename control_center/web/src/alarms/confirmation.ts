import { versionOf, type Board } from '../feed/board'

export type Action = 'acknowledge' | 'claim' | 'dispatch' | 'note' | 'pause' | 'resolve' | 'resume' | 'shelve'

/**
 * True once the feed itself shows what the action did. `since` is the alarm's version when the action was sent:
 * for a note, which leaves no trace on the card, and for a search, which may have ended already, any later event
 * of the alarm counts.
 */
export function isConfirmed(board: Board, alarmId: number, action: Action, since: number): boolean {
  const card = board.alarm.cards.get(alarmId)
  if (card === undefined) return true
  if (action === 'resolve') return false
  const isNewer = versionOf(board, 'alarm', alarmId) > since
  return action === 'acknowledge' ? card.state !== 'raised' && isNewer : isNewer
}
