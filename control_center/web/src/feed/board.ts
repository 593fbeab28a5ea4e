import type { AlarmCard, Frame, LiveNumbers } from '../contract/types'

/** What the feed has told this screen so far. Never changed in place: each frame makes the next board. */
export interface Board {
  epoch: string | null
  /** Highest event seen; where a reconnecting screen asks to continue. */
  lastId: number
  /** The snapshot's event: nothing at or before it can be news. */
  snapshotId: number
  cards: ReadonlyMap<number, AlarmCard>
  /** The event that last changed each alarm, kept after its removal so that an old frame cannot bring it back. */
  versions: ReadonlyMap<number, number>
  /** Alarms that left the board while this page was open, newest last. */
  departed: ReadonlyMap<number, Departure>
  live: LiveNumbers | null
  /** The service itself says that it has lost its database. */
  serviceStale: boolean
}

export interface Departure {
  card: AlarmCard | null
  reason: string
}

const DEPARTED_KEPT = 50

export const EMPTY_BOARD: Board = {
  epoch: null,
  lastId: 0,
  snapshotId: 0,
  cards: new Map(),
  versions: new Map(),
  departed: new Map(),
  live: null,
  serviceStale: false,
}

/** The board after `frame`; the same board when the frame brings nothing new. */
export function applyFrame(board: Board, frame: Frame): Board {
  switch (frame.type) {
    case 'snapshot':
      return applySnapshot(board, frame)
    case 'resumed':
      return frame.epoch === board.epoch ? { ...board, lastId: Math.max(board.lastId, frame.id) } : board
    case 'card':
      return isNews(board, frame.card.id, frame.id) ? applyCard(board, frame) : board
    case 'remove':
      return isNews(board, frame.alarm_id, frame.id) ? applyRemove(board, frame) : board
    case 'tick':
      // A tick's id is not a place to continue from: cards of earlier events may still be on their way.
      return { ...board, live: frame.live, serviceStale: frame.stale }
    default:
      return board
  }
}

/** The event that last changed an alarm, 0 when this screen has never heard of it. */
export function versionOf(board: Board, alarmId: number): number {
  return board.versions.get(alarmId) ?? 0
}

function applySnapshot(board: Board, frame: Extract<Frame, { type: 'snapshot' }>): Board {
  const sameEpoch = frame.epoch === board.epoch
  const cards = new Map(frame.cards.map((card) => [card.id, card]))
  const departed = new Map(sameEpoch ? board.departed : [])
  if (sameEpoch) {
    for (const [id, card] of board.cards) {
      if (!cards.has(id)) departed.set(id, { card, reason: 'unseen' })
    }
  }
  return {
    ...board,
    epoch: frame.epoch,
    lastId: frame.id,
    snapshotId: frame.id,
    cards,
    versions: new Map(frame.cards.map((card) => [card.id, frame.id])),
    departed: newest(departed),
    serviceStale: false,
  }
}

function applyCard(board: Board, frame: Extract<Frame, { type: 'card' }>): Board {
  const departed = new Map(board.departed)
  departed.delete(frame.card.id)
  return {
    ...board,
    lastId: Math.max(board.lastId, frame.id),
    cards: new Map(board.cards).set(frame.card.id, frame.card),
    versions: new Map(board.versions).set(frame.card.id, frame.id),
    departed,
  }
}

function applyRemove(board: Board, frame: Extract<Frame, { type: 'remove' }>): Board {
  const cards = new Map(board.cards)
  cards.delete(frame.alarm_id)
  const departed = new Map(board.departed)
  departed.delete(frame.alarm_id)
  departed.set(frame.alarm_id, { card: frame.card, reason: frame.reason })
  return {
    ...board,
    lastId: Math.max(board.lastId, frame.id),
    cards,
    versions: new Map(board.versions).set(frame.alarm_id, frame.id),
    departed: newest(departed),
  }
}

function isNews(board: Board, alarmId: number, eventId: number): boolean {
  return board.epoch !== null && eventId > board.snapshotId && eventId > versionOf(board, alarmId)
}

function newest(departed: Map<number, Departure>): Map<number, Departure> {
  return new Map([...departed].slice(-DEPARTED_KEPT))
}
