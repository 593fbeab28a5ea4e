// @vitest-environment happy-dom
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { HotlineSheet, ProposedItem } from '../src/contract/hotline'
import HotlineDialog from '../src/hotline/HotlineDialog.vue'
import { askHotline, hotlineAsked } from '../src/hotline/asked'
import { yuan } from '../src/hotline/price'
import { BEGIN, back, choose, press, type Way } from '../src/hotline/steps'
import { i18n } from '../src/i18n'
import type { CallCard } from '../src/contract/types'
import { at, elderBrief, orderCard } from './cards'

const COUNTS = { who: 2, item: 3, window: 4 }

function item(code: string, changes: Partial<ProposedItem> = {}): ProposedItem {
  const windows = [1, 2, 3].map((hours) => ({ begins: at(hours * 3600), ends: at((hours + 1) * 3600) }))
  return {
    code, assist: 'meal', name_zh: code, name_en: `Item ${code}`, fee: 'paid', duration_minutes: 15, times: 0,
    price_fen: 1200, subsidy_fen: 0, elder_fen: 1200, windows, as_last_time: false, ...changes,
  }
}

function sheet(id: number, changes: Partial<HotlineSheet> = {}): HotlineSheet {
  const entry = { phone: null, door_note: 'Code 77', key_holder: null, key_holder_phone: null }
  const items = [item('meal', { times: 9, as_last_time: true, subsidy_fen: 700, elder_fen: 500 }), item('bath')]
  return { elder: elderBrief(id), party: 'elder', party_name: null, entry, last: [], items, ...changes }
}

describe('the way to an order', () => {
  test('is four keys once it is known who calls', () => {
    let way: Way = BEGIN
    for (const key of ['Enter', '1', '2']) way = press(way, key, COUNTS).way
    expect(way).toMatchObject({ step: 'sure', who: 0, item: 0, window: 1 })
    expect(press(way, 'Enter', COUNTS)).toEqual({ way, place: true })
  })

  test.each(['who', 'item', 'window'] as const)('is never ended by a key before the summary: %s', (step) => {
    for (const key of ['Enter', '1', '9', ' ', 'o', 'ArrowDown', 'ArrowRight', 'Backspace']) {
      expect(press({ ...BEGIN, step }, key, COUNTS).place).toBe(false)
    }
  })

  test.each(['1', ' ', 'o', 'y', 'ArrowDown', 'Escape'])('is not ended on the summary by %s', (key) => {
    expect(press({ ...BEGIN, step: 'sure' }, key, COUNTS).place).toBe(false)
  })

  test('leaves digits and Backspace to the field while somebody types a number', () => {
    for (const key of ['1', '9', 'Backspace', 'ArrowLeft']) expect(press(BEGIN, key, COUNTS).way).toBe(BEGIN)
  })

  test('goes round with the arrows, and nowhere where there is nothing', () => {
    expect(press(BEGIN, 'ArrowUp', COUNTS).way.at).toBe(1)
    expect(press(BEGIN, 'ArrowDown', { ...COUNTS, who: 0 }).way).toBe(BEGIN)
    expect(choose(BEGIN, 0, { ...COUNTS, who: 0 })).toBe(BEGIN)
    expect(press({ ...BEGIN, step: 'item' }, '4', COUNTS).way.step).toBe('item')
  })

  test('goes back to what was chosen', () => {
    const way: Way = { step: 'sure', who: 1, item: 2, window: 3, at: 0 }
    expect(back(way)).toMatchObject({ step: 'window', at: 3 })
    expect(back(back(way))).toMatchObject({ step: 'item', at: 2 })
    expect(back(BEGIN)).toBe(BEGIN)
  })
})

test('money is told without needless decimals', () => {
  expect([yuan(1200, 'en'), yuan(1250, 'en'), yuan(0, 'zh-CN')]).toEqual(['CN¥12', 'CN¥12.50', '¥0'])
})

test('the dialog opens for the call that one speaks on', () => {
  const call = (id: number, state: string, account: number | null) =>
    ({ id, state, account: account === null ? null : { id: account, name: 'x' } }) as CallCard
  askHotline([call(1, 'ringing', null), call(2, 'answered', 8), call(3, 'answered', 7)], 7)
  expect(hotlineAsked.value).toEqual({ callId: 3 })
  askHotline([call(2, 'answered', 8)], 7)
  expect(hotlineAsked.value).toEqual({ callId: null })
})

describe('the dialog', () => {
  const sent: { path: string; body: unknown }[] = []
  let found: HotlineSheet[] = []
  let page: VueWrapper
  const one = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)

  async function open(callId: number | null): Promise<void> {
    i18n.global.locale.value = 'en'
    hotlineAsked.value = { callId }
    page = mount(HotlineDialog, { props: { callId }, global: { plugins: [i18n] }, attachTo: document.body })
    await vi.advanceTimersByTimeAsync(50)
    await flushPromises()
  }

  async function type(words: string): Promise<void> {
    const field = one('hotline-who') as HTMLInputElement
    field.value = words
    field.dispatchEvent(new Event('input'))
    await vi.advanceTimersByTimeAsync(250)
    await flushPromises()
  }

  async function key(name: string, more: KeyboardEventInit = {}): Promise<void> {
    const target = one('hotline-who') ?? one('hotline')
    target?.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more }))
    await flushPromises()
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    sent.length = 0
    found = [sheet(3)]
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
      sent.push({ path, body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined })
      const answer = init.method === 'POST' ? { card: orderCard(5) } : { sheets: found, truncated: false, server_time: at(0) }
      return Promise.resolve(Response.json(answer))
    })
  })
  afterEach(() => {
    page.unmount()
    vi.useRealTimers()
    vi.unstubAllGlobals()
    document.body.innerHTML = ''
    hotlineAsked.value = null
  })

  test('knows at once who calls under her own number, and orders what she usually has', async () => {
    await open(9)
    expect(one('hotline')?.dataset['step']).toBe('item')
    expect(one('hotline')?.textContent).toContain('Code 77')
    await key('1')
    expect(one('hotline-window-1')?.textContent).toContain('At the time of the last one')
    await key('1')
    expect(one('hotline-summary')?.textContent).toMatch(/CN¥5.*CN¥12.*CN¥7/s)
    await vi.advanceTimersByTimeAsync(400)
    await key('Enter')
    expect(sent.map(({ path }) => path)).toEqual(['/api/hotline?call_id=9', '/api/hotline/orders'])
    expect(sent[1]?.body).toEqual({
      elder_id: 3, call_id: 9, item: 'meal', window_from: at(3600), window_to: at(7200),
    })
    expect(hotlineAsked.value).toBeNull()
  })

  test('asks which elder where a number fits several, by arrows and Enter', async () => {
    found = [sheet(3), sheet(4)]
    await open(null)
    await type('1390000')
    expect(sent[0]?.path).toBe('/api/hotline?q=1390000')
    await key('ArrowDown')
    await key('Enter')
    expect(one('hotline-whom')?.textContent).toContain(elderBrief(4).name)
  })

  test('does not take an Enter that was meant for the window, nor one that is held down', async () => {
    await open(9)
    for (const name of ['Enter', 'Enter', 'Enter', 'Enter']) await key(name)
    await vi.advanceTimersByTimeAsync(400)
    await key('Enter', { repeat: true })
    expect(sent).toHaveLength(1)
    await key('Enter')
    expect(sent).toHaveLength(2)
  })

  test('says why nothing was ordered, and stays', async () => {
    await open(9)
    await key('1')
    await key('1')
    vi.stubGlobal('fetch', () =>
      Promise.resolve(Response.json({ error: { code: 'elder_away', message: 'She is away' } }, { status: 409 })),
    )
    await vi.advanceTimersByTimeAsync(400)
    await key('Enter')
    expect(one('hotline-problem')?.textContent).toContain('She is away')
    expect(hotlineAsked.value).not.toBeNull()
  })

  test('says that nobody was found', async () => {
    found = []
    await open(null)
    await type('xyz')
    await key('Enter')
    expect(one('hotline')?.textContent).toContain('Nobody found')
    expect(one('hotline')?.dataset['step']).toBe('who')
  })
})
