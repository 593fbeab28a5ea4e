import type { Frame } from '../contract/types'
import { retryDelay } from './backoff'
import { HALF_OPEN_MS, type Link } from './freshness'

const CLOSE_SIGNED_OUT = 4401
const CLOSE_FORBIDDEN = 4403
const WATCH_MS = 1_000

/** Where to continue: the epoch and id of the last event seen. */
export interface Position {
  epoch: string | null
  id: number
}

export interface ConnectionHooks {
  position: () => Position
  /** `isFirst`: of its socket. */
  onFrame: (frame: Frame, isFirst: boolean) => void
  onLink: (link: Link) => void
}

/** One screen's feed socket: reconnects by itself until closed, and gives up half-open sockets. */
export class FeedConnection {
  #socket: WebSocket | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setInterval> | undefined
  #attempt = 0
  #heardAt = 0
  #closed = false
  #forgetPosition = false
  #isFirst = true

  constructor(
    private readonly base: string,
    private readonly hooks: ConnectionHooks,
    private readonly random: () => number = Math.random,
  ) {}

  open(): void {
    this.#closed = false
    this.#watch ??= setInterval(() => this.#giveUpHalfOpen(), WATCH_MS)
    this.#connect()
  }

  /** Tries at once instead of waiting, for example when the network has come back. */
  hurry(): void {
    if (this.#closed || this.#socket) return
    clearTimeout(this.#retry)
    this.#connect()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    clearInterval(this.#watch)
    this.#watch = undefined
    this.#drop()
    this.hooks.onLink('idle')
  }

  #connect(): void {
    this.hooks.onLink('connecting')
    this.#heardAt = Date.now()
    const socket = new WebSocket(this.#address())
    this.#socket = socket
    this.#isFirst = true
    socket.onmessage = (message) => this.#receive(socket, String(message.data))
    socket.onclose = (event) => this.#onClose(socket, event.code)
  }

  #address(): string {
    const { epoch, id } = this.hooks.position()
    if (epoch === null || this.#forgetPosition) return this.base
    return `${this.base}?epoch=${encodeURIComponent(epoch)}&id=${id}`
  }

  #receive(socket: WebSocket, text: string): void {
    if (socket !== this.#socket) return
    this.#heardAt = Date.now()
    let frame: Frame
    try {
      frame = JSON.parse(text) as Frame
    } catch {
      this.#startOver()
      return
    }
    if (frame.type === 'snapshot' || frame.type === 'resumed') this.#settle()
    const isFirst = this.#isFirst
    this.#isFirst = false
    this.hooks.onFrame(frame, isFirst)
  }

  /** The server has answered: the link counts as open, and the next loss starts with a short wait again. */
  #settle(): void {
    this.#attempt = 0
    this.#forgetPosition = false
    this.hooks.onLink('open')
  }

  /** An unreadable frame may have been an alarm: begin again from a fresh snapshot. */
  #startOver(): void {
    this.#forgetPosition = true
    this.#drop()
    this.#retryLater()
  }

  #onClose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return
    this.#socket = null
    if (code === CLOSE_SIGNED_OUT || code === CLOSE_FORBIDDEN) {
      this.#closed = true
      this.hooks.onLink(code === CLOSE_SIGNED_OUT ? 'signed_out' : 'forbidden')
      return
    }
    this.#retryLater()
  }

  #giveUpHalfOpen(): void {
    if (this.#socket === null || Date.now() - this.#heardAt < HALF_OPEN_MS) return
    this.#drop()
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#closed) return
    this.hooks.onLink('waiting')
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#connect(), retryDelay(this.#attempt, this.random))
    this.#attempt += 1
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }
}
