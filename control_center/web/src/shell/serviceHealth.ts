import type { IngestHealth } from '../contract/types'

export type ServiceState = 'ok' | 'behind' | 'unknown'

/** How the service does: behind is said even when some of it is unknown, because behind is certain. */
export function serviceState(ingest: readonly IngestHealth[] | null | undefined, stale: boolean): ServiceState {
  if (stale || !ingest || ingest.length === 0) return 'unknown'
  if (ingest.some((lane) => lane.watched && lane.behind_since !== null)) return 'behind'
  return ingest.every((lane) => lane.watched) ? 'ok' : 'unknown'
}
