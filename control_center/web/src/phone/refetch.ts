const SETTLE_MS = 300
const PERIOD_MS = 60_000
const AFTER_FAILURE_MS = 5_000

/**
 * Keeps something fetched by HTTP in step with the feed: bursts of news ask once, silence asks once in a
 * period (ms, a minute unless told), a failure soon again. `fetch` says whether it succeeded.
 */
export class Refetch {
  #timer: ReturnType<typeof setTimeout> | undefined
  #period: ReturnType<typeof setInterval> | undefined
  #running = false
  #again = false

  constructor(
    private readonly fetch: () => Promise<boolean>,
    private readonly period = PERIOD_MS,
  ) {}

  start(): void {
    this.#period ??= setInterval(() => this.soon(), this.period)
    void this.now()
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#period)
    this.#period = undefined
    this.#again = false
  }

  /** Asks after a short pause in which further news may come. */
  soon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.now(), SETTLE_MS)
  }

  /** Asks at once; while an answer is awaited, once more after it, since that answer may be older than the news. */
  async now(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    const succeeded = await this.fetch()
    this.#running = false
    if (this.#again) {
      this.#again = false
      await this.now()
    } else if (!succeeded && this.#period !== undefined) {
      this.#timer = setTimeout(() => void this.now(), AFTER_FAILURE_MS)
    }
  }
}
