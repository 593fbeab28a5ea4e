import type { IngestHealth, LaneHealth } from '../contract/types'
import { laneState } from '../unrecorded/lane'

export type ServiceState = 'ok' | 'behind' | 'unguarded' | 'unknown'

/** How the service does: behind is said even when some of it is unknown, because behind is certain. `unguarded`: all is
 * well, but calls would not be seen if the database went now. */
export function serviceState(
  ingest: readonly IngestHealth[] | null | undefined,
  stale: boolean,
  lane: LaneHealth | null = null,
): ServiceState {
  if (stale || !ingest || ingest.length === 0) return 'unknown'
  if (ingest.some((group) => group.watched && group.behind_since !== null)) return 'behind'
  if (!ingest.every((group) => group.watched)) return 'unknown'
  return lane !== null && laneState(lane) !== 'ready' ? 'unguarded' : 'ok'
}
