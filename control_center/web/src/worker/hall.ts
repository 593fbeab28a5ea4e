import type { OrderCard } from '../contract/types'
import type { HallEntry } from '../contract/workDay'

/** What is still to be had of the hall as it was fetched, at server time `now` (ms): not what its time is over of, nor
 * what the worker has by now. */
export function stillOpen(
  entries: readonly HallEntry[],
  own: ReadonlyMap<number, OrderCard>,
  now: number,
): HallEntry[] {
  return entries.filter((entry) => Date.parse(entry.hall_until) > now && !own.has(entry.order_id))
}
