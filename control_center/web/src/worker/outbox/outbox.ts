import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue'
import { ApiError } from '../../contract/api'
import type { OrderState, StepAnswer, StepReport } from '../../contract/types'
import type { Store } from './store'

/** A step that was taken without a network, or a picture; `number` keeps their order. */
export interface QueuedStep extends StepReport {
  kind: 'step'
  number: number
}
export interface QueuedPhoto {
  kind: 'photo'
  number: number
  client_id: string
  order_id: number
  captured_at: string
  sha256: string
  picture: Blob
}
export type Queued = QueuedStep | QueuedPhoto
export type NewStep = Omit<StepReport, 'client_id' | 'captured_at'>

/** What was refused when it was sent at last; the worker reads it and puts it away. */
export interface Refusal {
  client_id: string
  order_id: number
  message: string
}

/** How the outbox reaches the service. */
export interface Ways {
  report(steps: StepReport[]): Promise<StepAnswer[]>
  sendPhoto(order_id: number, picture: Blob, captured_at: string): Promise<unknown>
}

const AFTER: Partial<Record<StepReport['step'], OrderState>> = {
  depart: 'en_route',
  check_in: 'checked_in',
  begin: 'in_service',
  complete: 'completed',
  fail: 'failed',
}
const MOST_AT_ONCE = 100

/** Whether a request failed because nothing was reached: it may be sent again as it is. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'network' || error.status >= 500)
}

/** A step as the service takes it, without what only the outbox needs. */
function asTold(kept: QueuedStep): StepReport {
  const told: Partial<QueuedStep> = { ...kept }
  delete told.kind
  delete told.number
  return told as StepReport
}

/** Keeps what could not be sent, in order, and sends it when it can; each is sent under one name, however often. */
export class Outbox {
  readonly waiting: ShallowRef<readonly Queued[]> = shallowRef([])
  readonly refused: ShallowRef<readonly Refusal[]> = shallowRef([])
  readonly count: ComputedRef<number> = computed(() => this.waiting.value.length)
  private sending: Promise<void> | null = null
  private numbered = 0

  constructor(
    private readonly store: Store,
    private readonly ways: Ways,
    private readonly name: () => string = () => crypto.randomUUID(),
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** Takes up what an earlier page left. */
  async restore(): Promise<void> {
    const left = await this.store.load()
    this.numbered = Math.max(this.numbered, ...left.map((item) => item.number))
    const known = new Set(left.map((item) => item.client_id))
    this.waiting.value = [...left, ...this.waiting.value.filter((item) => !known.has(item.client_id))]
  }

  hasFor(order_id: number): boolean {
    return this.waiting.value.some((item) => item.order_id === order_id)
  }

  /** Keeps a step with the time at which it was taken. */
  async addStep(step: NewStep): Promise<void> {
    await this.add({ ...step, kind: 'step', number: ++this.numbered, client_id: this.name(), captured_at: this.stamp() })
  }

  async addPhoto(order_id: number, picture: Blob, sha256: string): Promise<void> {
    const common = { number: ++this.numbered, client_id: this.name(), captured_at: this.stamp() }
    await this.add({ ...common, kind: 'photo', order_id, sha256, picture })
  }

  /** The state that an order will have once everything that waits was sent. */
  stateOf(order_id: number, state: OrderState): OrderState {
    const steps = this.stepsOf(order_id)
    return steps.reduce((reached, step) => AFTER[step.step] ?? reached, state)
  }

  stepsOf(order_id: number): QueuedStep[] {
    return this.waiting.value.filter((item): item is QueuedStep => item.kind === 'step' && item.order_id === order_id)
  }

  photosOf(order_id: number): QueuedPhoto[] {
    return this.waiting.value.filter((item): item is QueuedPhoto => item.kind === 'photo' && item.order_id === order_id)
  }

  putAway(client_id: string): void {
    this.refused.value = this.refused.value.filter((one) => one.client_id !== client_id)
  }

  /** Sends what waits, oldest first; whatever is not reached stays. Two at once are one. */
  flush(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => (this.sending = null))
    return this.sending
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.value.length > 0) {
      try {
        await this.sendNext()
      } catch (error) {
        if (isAway(error)) return
        throw error
      }
    }
  }

  private async sendNext(): Promise<void> {
    const first = this.waiting.value[0]
    if (first?.kind === 'photo') return this.sendPhoto(first)
    const until = this.waiting.value.findIndex((item) => item.kind === 'photo')
    const steps = this.waiting.value.slice(0, until < 0 ? MOST_AT_ONCE : Math.min(until, MOST_AT_ONCE)) as QueuedStep[]
    const answers = await this.ways.report(steps.map(asTold))
    for (const answer of answers) {
      const step = steps.find((one) => one.client_id === answer.client_id)
      if (step && answer.outcome === 'refused') this.refuse(step, answer.message ?? answer.code ?? '')
    }
    for (const step of steps) await this.drop(step)
  }

  private async sendPhoto(photo: QueuedPhoto): Promise<void> {
    try {
      await this.ways.sendPhoto(photo.order_id, photo.picture, photo.captured_at)
    } catch (error) {
      if (isAway(error)) throw error
      this.refuse(photo, error instanceof Error ? error.message : String(error))
    }
    await this.drop(photo)
  }

  private refuse(item: Queued, message: string): void {
    const { client_id, order_id } = item
    this.refused.value = [...this.refused.value, { client_id, order_id, message }]
  }

  private stamp(): string {
    return this.now().toISOString()
  }

  private async add(item: Queued): Promise<void> {
    this.waiting.value = [...this.waiting.value, item]
    await this.store.save(item).catch(() => undefined)
  }

  private async drop(item: Queued): Promise<void> {
    this.waiting.value = this.waiting.value.filter((one) => one.client_id !== item.client_id)
    await this.store.remove(item.client_id).catch(() => undefined)
  }
}
