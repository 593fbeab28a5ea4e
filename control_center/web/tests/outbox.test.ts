import { describe, expect, it } from 'vitest'
import { ApiError } from '../src/contract/api'
import type { StepAnswer, StepReport } from '../src/contract/types'
import { Outbox, type Queued, type Ways } from '../src/worker/outbox/outbox'
import type { Store } from '../src/worker/outbox/store'
import { progressOf } from '../src/worker/proof/progress'
import { LONGEST_SIDE, fitted } from '../src/worker/proof/shrink'
import { at, orderCard, visitProof } from './cards'

const PICTURE = new Blob(['jpeg'], { type: 'image/jpeg' })
const AWAY = new ApiError(0, 'network', '')

/** A store that outlives its outbox, as a phone's does. */
function shelf(): Store & { items: Map<string, Queued> } {
  const items = new Map<string, Queued>()
  return {
    items,
    load: () => Promise.resolve([...items.values()].sort((one, other) => one.number - other.number)),
    save: (item) => Promise.resolve(void items.set(item.client_id, item)),
    remove: (id) => Promise.resolve(void items.delete(id)),
  }
}

class Service implements Ways {
  away = true
  heard: string[] = []
  refuses: Record<string, string> = {}

  report(steps: StepReport[]): Promise<StepAnswer[]> {
    if (this.away) return Promise.reject(AWAY)
    this.heard.push(steps.map((step) => step.step).join('+'))
    return Promise.resolve(
      steps.map(({ client_id, step }) => ({
        client_id,
        outcome: step in this.refuses ? 'refused' : 'done',
        code: null,
        message: this.refuses[step] ?? null,
        received_at: at(0),
        repeated: false,
      })),
    )
  }

  sendPhoto(order_id: number): Promise<unknown> {
    if (this.away) return Promise.reject(AWAY)
    this.heard.push(`photo of ${order_id}`)
    return Promise.resolve({})
  }
}

function made(store: Store, service: Ways): Outbox {
  let names = 0
  return new Outbox(store, service, () => `step-${++names}-${Math.random()}`)
}

async function wholeVisit(outbox: Outbox): Promise<void> {
  await outbox.addStep({ order_id: 7, step: 'check_in', lat: 29.8, lon: 106.4, accuracy_m: 12 })
  await outbox.addStep({ order_id: 7, step: 'begin' })
  await outbox.addStep({ order_id: 7, step: 'tick', tick: 'still_hot', done: true })
  await outbox.addPhoto(7, PICTURE, 'ab'.repeat(32))
  await outbox.addStep({ order_id: 7, step: 'complete' })
}

describe('the outbox', () => {
  it('keeps everything in order until the service is there, then sends it once', async () => {
    const service = new Service()
    const store = shelf()
    const outbox = made(store, service)
    await wholeVisit(outbox)
    await outbox.flush()
    expect(outbox.count.value).toBe(5)
    expect(store.items.size).toBe(5)
    service.away = false
    await Promise.all([outbox.flush(), outbox.flush()])
    expect(service.heard).toEqual(['check_in+begin+tick', 'photo of 7', 'complete'])
    expect(outbox.count.value).toBe(0)
    expect(store.items.size).toBe(0)
  })

  it('is taken up by the page that comes after, and new steps follow the old', async () => {
    const service = new Service()
    const store = shelf()
    await wholeVisit(made(store, service))
    const reloaded = made(store, service)
    await reloaded.restore()
    await reloaded.addStep({ order_id: 8, step: 'depart' })
    service.away = false
    await reloaded.flush()
    expect(service.heard).toEqual(['check_in+begin+tick', 'photo of 7', 'complete+depart'])
  })

  it('tells what was refused and goes on', async () => {
    const service = new Service()
    const outbox = made(shelf(), service)
    await wholeVisit(outbox)
    service.away = false
    service.refuses = { complete: '订单已取消' }
    await outbox.flush()
    expect(outbox.refused.value.map((one) => one.message)).toEqual(['订单已取消'])
    expect(outbox.count.value).toBe(0)
    outbox.refused.value.forEach((one) => outbox.putAway(one.client_id))
    expect(outbox.refused.value).toEqual([])
  })

  it('shows a visit as it will be once all is sent', async () => {
    const outbox = made(shelf(), new Service())
    expect(outbox.stateOf(7, 'en_route')).toBe('en_route')
    await wholeVisit(outbox)
    expect(outbox.stateOf(7, 'en_route')).toBe('completed')
    expect(outbox.stateOf(8, 'en_route')).toBe('en_route')
    expect([outbox.hasFor(7), outbox.hasFor(8)]).toEqual([true, false])
  })
})

describe('the evidence of a visit', () => {
  const ticks = [
    { code: 'still_hot', zh: '温热', en: 'Hot', done_at: null },
    { code: 'handed_over', zh: '已交', en: 'Handed over', done_at: at(-10) },
  ]
  const order = orderCard(7, {
    begun_at: at(-60),
    proof: visitProof({ photos_needed: 1, ticks, least_minutes: 3 }),
  })

  it('names what is missing, counting what waits', async () => {
    const outbox = made(shelf(), new Service())
    expect(progressOf(order, outbox, Date.parse(at(0))).missing).toEqual(['photos', 'ticks.still_hot'])
    await outbox.addStep({ order_id: 7, step: 'tick', tick: 'still_hot', done: true })
    await outbox.addPhoto(7, PICTURE, 'ab'.repeat(32))
    expect(progressOf(order, outbox, Date.parse(at(0))).missing).toEqual([])
    await outbox.addStep({ order_id: 7, step: 'tick', tick: 'handed_over', done: false })
    expect(progressOf(order, outbox, Date.parse(at(0))).missing).toEqual(['ticks.handed_over'])
  })

  it('says how long is still to go', () => {
    const outbox = made(shelf(), new Service())
    expect(progressOf(order, outbox, Date.parse(at(0))).tooShortFor).toBe(120_000)
    expect(progressOf(order, outbox, Date.parse(at(120))).tooShortFor).toBe(0)
  })
})

describe('a picture', () => {
  it('is made smaller and never larger', () => {
    expect(fitted(4000, 3000)).toEqual({ width: LONGEST_SIDE, height: 960 })
    expect(fitted(3000, 4000)).toEqual({ width: 960, height: LONGEST_SIDE })
    expect(fitted(640, 480)).toEqual({ width: 640, height: 480 })
    expect(fitted(10_000, 1)).toEqual({ width: LONGEST_SIDE, height: 1 })
  })
})
