import type { OrderCard } from '../../contract/types'
import type { Outbox } from '../outbox/outbox'

/** What proves a visit, with what still waits to be sent. */
export interface Progress {
  ticks: { code: string; zh: string; en: string; done: boolean }[]
  photos: number
  photosNeeded: number
  /** `photos`, and `ticks.<code>`, as the service names what is missing. */
  missing: string[]
  /** Ms until the visit is long enough; 0 when it is. */
  tooShortFor: number
}

/** How far a visit's evidence has come at `now` (ms). */
export function progressOf(order: OrderCard, waiting: Outbox, now: number): Progress {
  const steps = waiting.stepsOf(order.id)
  const ticked = new Map(order.proof.ticks.map((line) => [line.code, line.done_at !== null]))
  for (const step of steps) if (step.step === 'tick' && step.tick) ticked.set(step.tick, step.done ?? true)
  const ticks = order.proof.ticks.map(({ code, zh, en }) => ({ code, zh, en, done: ticked.get(code) ?? false }))
  const photos = order.proof.photos.length + waiting.photosOf(order.id).length
  const without = photos < order.proof.photos_needed ? ['photos'] : []
  const begun = steps.find((step) => step.step === 'begin')?.captured_at ?? order.begun_at
  const least = order.proof.least_minutes * 60_000
  return {
    ticks,
    photos,
    photosNeeded: order.proof.photos_needed,
    missing: [...without, ...ticks.filter((line) => !line.done).map((line) => `ticks.${line.code}`)],
    tooShortFor: begun ? Math.max(0, Date.parse(begun) + least - now) : 0,
  }
}
