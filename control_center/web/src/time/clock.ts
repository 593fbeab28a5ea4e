import { readonly, shallowRef } from 'vue'

const STEP_MS = 250

let offset = 0
const second = shallowRef(floorToSecond(Date.now()))

/** Server time in ms, advancing once a second; everything that counts on screen reads this. */
export const serverSecond = readonly(second)

function floorToSecond(time: number): number {
  return Math.floor(time / 1000) * 1000
}

/** Server time in ms now. */
export function serverTime(): number {
  return Date.now() + offset
}

/** Learns the difference between this machine's clock and the server's from a stamp just received. */
export function learnServerTime(stamp: string): void {
  const time = Date.parse(stamp)
  if (Number.isNaN(time)) return
  offset = time - Date.now()
  second.value = floorToSecond(time)
}

/** Starts the shared clock; the page needs it for its whole life. */
export function startClock(): void {
  setInterval(() => {
    second.value = floorToSecond(serverTime())
  }, STEP_MS)
}
