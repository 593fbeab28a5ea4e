import type { AlarmCard } from './alarms'
import type { CallCard, TaskCard } from './following'
import type { LiveNumbers } from './register'
import type { UnrecordedFrame } from './unrecorded'
import type { OfferCard, OrderCard } from './work'

/** What the feed has cards of. */
export interface Cards {
  alarm: AlarmCard
  order: OrderCard
  offer: OfferCard
  task: TaskCard
  call: CallCard
}

export type Subject = keyof Cards

export interface SnapshotFrame {
  type: 'snapshot'
  epoch: string
  id: number
  server_time: string
  cards: AlarmCard[]
  orders: OrderCard[]
  /** A worker's own open ones; empty for everybody else. */
  offers: OfferCard[]
  /** For staff only. */
  tasks?: TaskCard[]
  /** Those that are not over; for staff only. */
  calls?: CallCard[]
}

export interface CardFrameOf<S extends Subject> {
  type: 'card'
  id: number
  subject: S
  /** The event's kind without its first word: `raised`, `accepted`, `made`. */
  event: string
  card: Cards[S]
  server_time: string
}

export interface RemoveFrameOf<S extends Subject> {
  type: 'remove'
  id: number
  subject: S
  subject_id: number
  reason: 'ended' | 'out_of_scope'
  /** The last state, where this account may still see it. */
  card: Cards[S] | null
  server_time: string
}

export type CardFrame = { [S in Subject]: CardFrameOf<S> }[Subject]
export type RemoveFrame = { [S in Subject]: RemoveFrameOf<S> }[Subject]

export type Frame =
  | SnapshotFrame
  | UnrecordedFrame
  | { type: 'resumed'; epoch: string; id: number; server_time: string }
  | CardFrame
  | RemoveFrame
  | { type: 'tick'; id: number; server_time: string; stale: boolean; live: LiveNumbers }
