/** State of the socket: `waiting` is the pause before the next attempt. */
export type Link = 'idle' | 'connecting' | 'open' | 'waiting' | 'signed_out' | 'forbidden'

/** Ms without a frame after which nothing on the screen may be trusted. */
export const SILENCE_MS = 6_000
/** Ms without a frame after which the socket is given up as half-open. */
export const HALF_OPEN_MS = 12_000
/** Ms a page may show "connecting" before its first data counts as late. */
const FIRST_DATA_MS = 3_000

export type StaleReason = 'silent' | 'closed' | 'service'

export interface Freshness {
  stale: boolean
  reason: StaleReason | null
  /** Ms since the last frame, or since the page began to wait for the first. */
  silentMs: number
}

export interface FreshnessInput {
  link: Link
  serviceStale: boolean
  /** False until the first snapshot. */
  hasData: boolean
  silentMs: number
}

/** Whether the screen may be trusted. The page says so over everything when it may not. */
export function freshness({ link, serviceStale, hasData, silentMs }: FreshnessInput): Freshness {
  const reason = staleReason({ link, serviceStale, hasData, silentMs })
  return { stale: reason !== null, reason, silentMs }
}

function staleReason({ link, serviceStale, hasData, silentMs }: FreshnessInput): StaleReason | null {
  if (!hasData && serviceStale && silentMs < SILENCE_MS) return 'service'
  if (!hasData) return silentMs >= FIRST_DATA_MS ? 'closed' : null
  if (link !== 'open') return 'closed'
  if (silentMs >= SILENCE_MS) return 'silent'
  return serviceStale ? 'service' : null
}
