import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import type { Component } from 'vue'
import type { Frame } from '../src/contract/types'
import { i18n } from '../src/i18n'
import { learnServerTime } from '../src/time/clock'
import { at } from './cards'

interface Socket {
  onmessage: ((event: { data: string }) => void) | null
}

interface Refusal {
  status: number
  error: { code: string; message: string }
}

/** A phone page with a service that answers from `answers` (by "METHOD /path") and a feed that says what it is told. */
export class Phone {
  readonly calls: { call: string; body: unknown }[] = []
  readonly answers = new Map<string, unknown>()
  page!: VueWrapper
  #socket: Socket | null = null

  constructor() {
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => this.#answer(path, init))
    // Happy-dom has no sound; this one never starts, as in a page that nobody has touched.
    vi.stubGlobal(
      'AudioContext',
      class {
        state = 'suspended'
        resume = () => Promise.resolve()
      },
    )
    const opened = (socket: Socket) => (this.#socket = socket)
    vi.stubGlobal(
      'WebSocket',
      class {
        onmessage: Socket['onmessage'] = null
        onclose = null
        constructor() {
          opened(this)
        }
        close() {
          this.onmessage = null
        }
      },
    )
  }

  async open(page: Component): Promise<void> {
    learnServerTime(at(0))
    i18n.global.locale.value = 'en'
    const router = createRouter({
      history: createMemoryHistory(),
      routes: [{ path: '/:rest(.*)*', component: { template: '<i />' } }],
    })
    this.page = mount(page, { global: { plugins: [i18n, router] }, attachTo: document.body })
    await flushPromises()
  }

  async tell(frame: Frame): Promise<void> {
    this.#socket?.onmessage?.({ data: JSON.stringify(frame) })
    await flushPromises()
  }

  close(): void {
    this.page.unmount()
    vi.unstubAllGlobals()
  }

  find(id: string, more = '') {
    return this.page.find(`[data-testid="${id}"]${more}`)
  }

  all(id: string) {
    return this.page.findAll(`[data-testid="${id}"]`)
  }

  async tap(id: string, more = ''): Promise<void> {
    await this.find(id, more).trigger('click')
    await flushPromises()
  }

  /** The bodies sent with one call, oldest first. */
  sent(call: string): unknown[] {
    return this.calls.filter((made) => made.call === call).map((made) => made.body)
  }

  #answer(path: string, init: RequestInit): Promise<Response> {
    const call = `${init.method} ${path.replace('/api', '')}`
    this.calls.push({ call, body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined })
    const answer = this.answers.get(call)
    if (answer === undefined) return Promise.resolve(new Response(null, { status: 204 }))
    const { status, error } = answer as Partial<Refusal>
    return Promise.resolve(
      error ? Response.json({ error }, { status: status ?? 409 }) : Response.json(answer),
    )
  }
}
