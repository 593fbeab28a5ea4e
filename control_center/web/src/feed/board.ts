import type {
  CardFrameOf,
  Cards,
  Frame,
  LiveNumbers,
  RemoveFrameOf,
  SnapshotFrame,
  Subject,
  UnrecordedCard,
} from '../contract/types'

/** All cards of one kind that this screen has been told of. */
export interface Shelf<Card> {
  cards: ReadonlyMap<number, Card>
  /** The event that last changed each card, kept after its removal so that an old frame cannot bring it back. */
  versions: ReadonlyMap<number, number>
  /** Cards that left the board while this page was open, newest last. */
  departed: ReadonlyMap<number, Departure<Card>>
}

export interface Departure<Card> {
  card: Card | null
  /** `unseen`: gone from a later snapshot, nobody said why. */
  reason: 'ended' | 'out_of_scope' | 'unseen'
}

type Shelves = { [S in Subject]: Shelf<Cards[S]> }

/** What the feed has told this screen so far. Never changed in place: each frame makes the next board. */
export interface Board extends Shelves {
  epoch: string | null
  /** Highest event seen; where a reconnecting screen asks to continue. */
  lastId: number
  /** The snapshot's event: nothing at or before it can be news. */
  snapshotId: number
  live: LiveNumbers | null
  /** Calls for help that the database does not have yet. */
  unrecorded: readonly UnrecordedCard[]
  /** The service itself says that it has lost its database. */
  serviceStale: boolean
}

const DEPARTED_KEPT = 50
const EMPTY = { cards: new Map(), versions: new Map(), departed: new Map() }

export const EMPTY_BOARD: Board = {
  epoch: null,
  lastId: 0,
  snapshotId: 0,
  alarm: EMPTY,
  order: EMPTY,
  offer: EMPTY,
  task: EMPTY,
  call: EMPTY,
  live: null,
  unrecorded: [],
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
      return applyChange(board, frame.subject, frame.card.id, frame.id, (shelf) => put(shelf, frame))
    case 'remove':
      return applyChange(board, frame.subject, frame.subject_id, frame.id, (shelf) => take(shelf, frame))
    case 'unrecorded':
      if (frame.cards.length === 0 && board.unrecorded.length === 0) return board
      return { ...board, unrecorded: frame.cards }
    case 'tick':
      // A tick's id is not a place to continue from: cards of earlier events may still be on their way.
      return { ...board, live: frame.live, serviceStale: frame.stale }
    default:
      return board
  }
}

/** The event that last changed a card, 0 when this screen has never heard of it. */
export function versionOf(board: Board, subject: Subject, id: number): number {
  return board[subject].versions.get(id) ?? 0
}

function applySnapshot(board: Board, frame: SnapshotFrame): Board {
  const sameEpoch = frame.epoch === board.epoch
  return {
    ...board,
    epoch: frame.epoch,
    lastId: frame.id,
    snapshotId: frame.id,
    alarm: refill(sameEpoch ? board.alarm : EMPTY, frame.cards, frame.id),
    order: refill(sameEpoch ? board.order : EMPTY, frame.orders, frame.id),
    offer: refill(sameEpoch ? board.offer : EMPTY, frame.offers, frame.id),
    task: refill(sameEpoch ? board.task : EMPTY, frame.tasks ?? [], frame.id),
    call: refill(sameEpoch ? board.call : EMPTY, frame.calls ?? [], frame.id),
    serviceStale: false,
  }
}

function refill<Card extends { id: number }>(shelf: Shelf<Card>, fresh: readonly Card[], eventId: number): Shelf<Card> {
  const cards = new Map(fresh.map((card) => [card.id, card]))
  const departed = new Map(shelf.departed)
  for (const [id, card] of shelf.cards) {
    if (!cards.has(id)) departed.set(id, { card, reason: 'unseen' })
  }
  for (const id of cards.keys()) departed.delete(id)
  return { cards, versions: new Map(fresh.map((card) => [card.id, eventId])), departed: newest(departed) }
}

/** An event is news unless the snapshot, or what is known of its card, already holds it. */
function applyChange<S extends Subject>(
  board: Board,
  subject: S,
  cardId: number,
  eventId: number,
  change: (shelf: Shelf<Cards[S]>) => Shelf<Cards[S]>,
): Board {
  const isNews = board.epoch !== null && eventId > board.snapshotId && eventId > versionOf(board, subject, cardId)
  if (!isNews) return board
  return { ...board, [subject]: change(shelfOf(board, subject)), lastId: Math.max(board.lastId, eventId) }
}

function shelfOf<S extends Subject>(shelves: Shelves, subject: S): Shelf<Cards[S]> {
  return shelves[subject]
}

function put<S extends Subject>(shelf: Shelf<Cards[S]>, frame: CardFrameOf<S>): Shelf<Cards[S]> {
  const { card } = frame
  const departed = new Map(shelf.departed)
  departed.delete(card.id)
  return {
    cards: new Map(shelf.cards).set(card.id, card),
    versions: new Map(shelf.versions).set(card.id, frame.id),
    departed,
  }
}

function take<S extends Subject>(shelf: Shelf<Cards[S]>, frame: RemoveFrameOf<S>): Shelf<Cards[S]> {
  const { subject_id: id, card, reason } = frame
  const cards = new Map(shelf.cards)
  cards.delete(id)
  const departed = new Map(shelf.departed)
  departed.delete(id)
  departed.set(id, { card, reason })
  return { cards, versions: new Map(shelf.versions).set(id, frame.id), departed: newest(departed) }
}

function newest<Card>(departed: Map<number, Departure<Card>>): Map<number, Departure<Card>> {
  return new Map([...departed].slice(-DEPARTED_KEPT))
}
