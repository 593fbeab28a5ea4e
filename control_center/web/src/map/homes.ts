import type { Rectangle } from '../contract/api'
import type { MapElder, MapElders } from '../contract/types'
import { quarters } from './geometry'

/** What one answer holds at most. */
export const HOMES_AT_ONCE = 5_000
/** A rectangle is quartered this often at most: enough for a million homes that are spread out. */
const DEEPEST = 4

type Read = (within: Rectangle, limit: number) => Promise<MapElders>

/** All homes within a rectangle: where one answer cannot hold them, its quarters are asked. */
export async function readHomes(read: Read, within: Rectangle, depth = 0): Promise<MapElders> {
  const answer = await read(within, HOMES_AT_ONCE)
  if (!answer.truncated || depth >= DEEPEST) return answer
  const found = new Map<number, MapElder>()
  let truncated = false
  for (const quarter of quarters(within)) {
    const part = await readHomes(read, quarter, depth + 1)
    truncated ||= part.truncated
    for (const elder of part.elders) found.set(elder.id, elder)
  }
  return { elders: [...found.values()], truncated }
}
