const BASE_MS = 500
const CAP_MS = 15_000
const FLOOR_MS = 200

/** Ms to wait before attempt `attempt` (0 is the first retry): full jitter under a doubling cap. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const cap = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 10))
  return FLOOR_MS + Math.floor(random() * (cap - FLOOR_MS))
}
