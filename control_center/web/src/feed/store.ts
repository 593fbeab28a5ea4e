import { computed, readonly, ref, shallowRef } from 'vue'
import type { Frame, Role } from '../contract/types'
import { candidates, countBySeverity, inOrderOfUrgency } from '../alarms/order'
import { session } from '../session/session'
import { learnServerTime, serverSecond } from '../time/clock'
import { EMPTY_BOARD, applyFrame, type Board } from './board'
import { FeedConnection } from './connection'
import { freshness, type Link } from './freshness'

const currentBoard = shallowRef<Board>(EMPTY_BOARD)
const link = ref<Link>('idle')
/** When the last frame came, on this machine's clock; before the first, when the page began to wait. */
const heardAt = ref(Date.now())
const localSecond = ref(Date.now())

let connection: FeedConnection | null = null
let ticker: ReturnType<typeof setInterval> | undefined
const listeners = new Set<(frame: Frame, before: Board) => void>()

export const board = readonly(currentBoard) as Readonly<typeof currentBoard>
export const role = computed<Role>(() => session.value?.account.role ?? 'operator')

export const fresh = computed(() =>
  freshness({
    link: link.value,
    serviceStale: currentBoard.value.serviceStale,
    hasData: currentBoard.value.epoch !== null,
    silentMs: Math.max(0, localSecond.value - heardAt.value),
  }),
)
export const stale = computed(() => fresh.value.stale)
export const hasData = computed(() => currentBoard.value.epoch !== null)

export const queue = computed(() => inOrderOfUrgency(currentBoard.value.alarm.cards.values(), serverSecond.value))
export const fallCandidates = computed(() => candidates(currentBoard.value.alarm.cards.values()))
export const openCounts = computed(() => countBySeverity(currentBoard.value.alarm.cards.values()))
/** Orders that have not ended. */
export const orders = computed(() => currentBoard.value.order.cards)
/** A worker's own open offers. */
export const offers = computed(() => currentBoard.value.offer.cards)
/** Tasks that are not done, the one due first first. */
export const tasks = computed(() =>
  [...currentBoard.value.task.cards.values()].sort((a, b) => Date.parse(a.due_at) - Date.parse(b.due_at) || a.id - b.id),
)
/** Calls that are not over, the longest waiting first. */
export const calls = computed(() => [...currentBoard.value.call.cards.values()].sort((a, b) => a.id - b.id))
export const live = computed(() => currentBoard.value.live)

/** Calls `listener` with each frame that changed the board, and the board before it. */
export function onNews(listener: (frame: Frame, before: Board) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Opens the feed of the signed-in account. `onSignedOut` hears that the session has ended. */
export function startFeed(onSignedOut: () => void): void {
  stopFeed()
  heardAt.value = localSecond.value = Date.now()
  ticker = setInterval(() => (localSecond.value = Date.now()), 250)
  connection = new FeedConnection(feedAddress(), {
    position: () => ({ epoch: currentBoard.value.epoch, id: currentBoard.value.lastId }),
    onFrame: receiveFrom,
    onLink: (state) => {
      link.value = state
      if (state === 'signed_out') onSignedOut()
    },
  })
  window.addEventListener('online', hurry)
  document.addEventListener('visibilitychange', hurry)
  connection.open()
}

/** Closes the feed and forgets everything it told: the next account starts from nothing. */
export function stopFeed(): void {
  connection?.close()
  connection = null
  clearInterval(ticker)
  window.removeEventListener('online', hurry)
  document.removeEventListener('visibilitychange', hurry)
  currentBoard.value = EMPTY_BOARD
}

/** A socket that has calls to show says so first: with any other first frame, those shown before are over. */
function receiveFrom(frame: Frame, isFirst: boolean): void {
  if (isFirst && frame.type !== 'unrecorded') receive({ type: 'unrecorded', cards: [], server_time: frame.server_time })
  receive(frame)
}

function receive(frame: Frame): void {
  heardAt.value = localSecond.value = Date.now()
  learnServerTime(frame.server_time)
  const before = currentBoard.value
  const after = applyFrame(before, frame)
  if (after === before) return
  currentBoard.value = after
  for (const listener of listeners) listener(frame, before)
}

function hurry(): void {
  localSecond.value = Date.now()
  connection?.hurry()
}

function feedAddress(): string {
  const protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${protocol}//${location.host}/ws/feed`
}
