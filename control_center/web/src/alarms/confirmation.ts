import { versionOf, type Board } from '../feed/board'

export type Action = 'acknowledge' | 'note' | 'resolve'

/**
 * True once the feed itself shows what the action did. `since` is the alarm's version when the action was sent:
 * for a note, which leaves no trace on the card, any later event of the alarm counts.
 */
export function isConfirmed(board: Board, alarmId: number, action: Action, since: number): boolean {
  const card = board.cards.get(alarmId)
  if (card === undefined) return true
  if (action === 'acknowledge') return card.state !== 'raised' && versionOf(board, alarmId) > since
  return action === 'note' && versionOf(board, alarmId) > since
}
