import type { Spot } from '../contract/types'
import { NoPosition, type Trouble } from './locate'

/** Ms between one report, or one vain attempt, and the next. */
export const REPORT_EVERY_MS = 30_000

export interface ReporterHooks {
  locate: () => Promise<Spot>
  send: (spot: Spot) => Promise<unknown>
  onSent: (spot: Spot) => void
  onTrouble: (trouble: Trouble) => void
}

/** Tells the service where the phone is, at most every 30 s, each time freshly measured: standing still is news too. */
export class PositionReporter {
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false

  constructor(private readonly hooks: ReporterHooks) {}

  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#report()
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  async #report(): Promise<void> {
    try {
      const spot = await this.hooks.locate()
      if (!this.#running) return
      await this.hooks.send(spot)
      if (this.#running) this.hooks.onSent(spot)
    } catch (error) {
      // A report lost on the way is nothing to bother the worker with: the banner tells of a lost connection.
      if (this.#running && error instanceof NoPosition) this.hooks.onTrouble(error.trouble)
    }
    if (this.#running) this.#timer = setTimeout(() => void this.#report(), REPORT_EVERY_MS)
  }
}
