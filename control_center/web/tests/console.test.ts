// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AlarmCard, AlarmResponse, ElderCard, OfferEntry, OrderCard, Role } from '../src/contract/types'
import { drawnElderId } from '../src/elders/drawer'
import ConsolePage from '../src/pages/ConsolePage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at, card, changed, elderBrief, orderCard, orderChanged, orderRemoved, snapshot } from './cards'
import { Phone } from './phone'

/** The pages' own router loads every page; the console only needs its address. */
vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const WORKER = { id: 7, name: 'Zhou', provider: 'P1', phone: '138-7' }
const TURNED_AWAY = { shift: 9, skill: 3 }
const MISS = { worker: 'Sun', missing: 'skill' as const, travel_minutes: 8 }
const attention = { kind: 'nobody_eligible' as const, at: at(-60), turned_away: TURNED_AWAY, nearest_miss: MISS }
const offer: OfferEntry = {
  id: 1,
  worker: WORKER,
  state: 'declined',
  offered_at: at(-60),
  expires_at: at(30),
  answered_at: at(-40),
  decline_reason: 'too_far',
  reasons: { rank: 1, candidates: 4, travel_minutes: 6, distance_m: 1400, load: 2, familiarity: 3, cost: 9, parts: {} },
  search: null,
}

let desk: Phone

async function open(address: string, role: Role = 'operator'): Promise<void> {
  desk.answers.set('POST /session', {
    account: { id: 1, username: 'o', name: 'O', role },
    organisation: null,
    server_time: at(0),
  })
  await signIn('o', 'secret')
  await router.push(address)
  await desk.open(ConsolePage)
}

/** Parts of dialogs and drawers stand outside the page's own element. */
const outside = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)

async function press(id: string): Promise<void> {
  outside(id)?.click()
  await flushPromises()
}

async function write(id: string, text: string): Promise<void> {
  const field = outside(id) as HTMLInputElement
  field.value = text
  field.dispatchEvent(new Event('input'))
  await flushPromises()
}

function orderDetail(order: OrderCard): void {
  desk.answers.set(`GET /orders/${order.id}`, {
    card: order,
    timeline: [
      { id: 1, at: at(-60), kind: 'declined', actor: null, note: null, detail: { worker: 'Zhou', reason: 'too_far' } },
    ],
    offers: [offer],
    searches: [],
  })
}

beforeEach(() => {
  desk = new Phone()
})
afterEach(() => {
  desk.close()
  drawnElderId.value = null
  forgetSession()
})

describe('the orders board', () => {
  test('stands beside the alarm queue, which it never covers', async () => {
    await open('/?view=orders')
    await desk.tell(snapshot(1, [card(5)], 'one', { orders: [orderCard(1), orderCard(2, { attention })] }))
    expect(desk.all('order-card').map((row) => row.attributes('data-order-id'))).toEqual(['2', '1'])
    expect(desk.find('alarm-card').attributes('data-alarm-id')).toBe('5')
    expect(desk.find('alarm-strip').text()).toContain('1 unanswered alarm')
  })

  test('says why an order needs a person', async () => {
    const order = orderCard(2, { state: 'requested', attention })
    orderDetail(order)
    await open('/?view=orders&order=2')
    await desk.tell(snapshot(1, [], 'one', { orders: [order] }))
    expect(desk.find('attention').text()).toContain('Nobody is eligible')
    const conditions = desk.page.findAll('[data-testid="turned-away"] [data-condition]')
    expect(conditions.map((row) => row.text().replace(/\s+/g, ' '))).toEqual(['off shift 9', 'skill or certificate missing 3'])
    expect(desk.find('nearest-miss').text()).toBe('Nearest miss: Sun, no valid certificate, 8 min away')
    await desk.tap('order-search')
    expect(desk.sent('POST /orders/2/search')).toEqual([{}])
  })

  test('tells who was asked, why, and what they said', async () => {
    orderDetail(orderCard(1))
    await open('/?view=orders&order=1')
    await desk.tell(snapshot(1, [], 'one', { orders: [orderCard(1)] }))
    expect(desk.find('offers').text()).toContain('Declined too far')
    expect(desk.find('offers').text()).toContain('6 min away (1.4 km), 2 visits that day, served 3 times before')
    expect(desk.find('timeline').text()).toContain('Zhou, too far')
  })

  test('tells by whom a worker was chosen by hand, why, and what did not count for her', async () => {
    const named = { ...offer, named: { by: { id: 1, name: 'Liu' }, reason: 'asked for' }, waived: ['shift'] }
    desk.answers.set('GET /orders/1', { card: orderCard(1), timeline: [], offers: [named], searches: [] })
    await open('/?view=orders&order=1')
    await desk.tell(snapshot(1, [], 'one', { orders: [orderCard(1)] }))
    expect(desk.find('offer-named').text()).toBe('Chosen by Liu: asked for. Set aside: off shift')
    expect(desk.find('offers').find('.rank').exists()).toBe(false)
  })

  test('moves an order on as the feed tells, and lets it go', async () => {
    orderDetail(orderCard(1))
    await open('/?view=orders')
    await desk.tell(snapshot(1, [], 'one', { orders: [orderCard(1)] }))
    expect(desk.find('order-card').attributes('data-state')).toBe('offered')
    await desk.tell(orderChanged(2, orderCard(1, { state: 'en_route', worker: WORKER }), 'departed'))
    expect(desk.find('order-card').text()).toContain('Zhou')
    await desk.tell(orderRemoved(3, 1))
    expect(desk.find('order-card').exists()).toBe(false)
  })

  test('asks for a reason before it cancels', async () => {
    orderDetail(orderCard(1))
    await open('/?view=orders&order=1')
    await desk.tell(snapshot(1, [], 'one', { orders: [orderCard(1)] }))
    await desk.tap('order-cancel')
    expect((outside('reason-submit') as HTMLButtonElement).disabled).toBe(true)
    await write('reason-text', ' Not needed ')
    await press('reason-submit')
    expect(desk.sent('POST /orders/1/cancel')).toEqual([{ reason: 'Not needed', for_elder: false }])
  })
})

describe('a responder for an alarm', () => {
  const answered = (response: Partial<AlarmResponse> = {}, changes: Partial<AlarmCard> = {}) =>
    card(5, { state: 'acknowledged', ...changes, response: { ...card(5).response, ...response } })

  async function show(alarm: AlarmCard): Promise<void> {
    desk.answers.set('GET /alarms/5', { card: alarm, timeline: [], offers: [offer] })
    await open('/?alarm=5')
    await desk.tell(snapshot(1, [alarm]))
  }

  test('cannot be sent before the alarm is answered', async () => {
    await show(card(5))
    expect(desk.find('dispatch').exists()).toBe(false)
  })

  test('is sent with one press, and the search is shown', async () => {
    await show(answered())
    await desk.tap('dispatch')
    expect(desk.sent('POST /alarms/5/dispatch')).toEqual([{}])
    await desk.tell(changed(2, answered({ state: 'searching', due_at: at(30), offers_made: 3, offers_open: 2 }), 'searching'))
    expect(desk.find('response').attributes('data-stage')).toBe('searching')
    expect(desk.find('response').text()).toMatch(/3 asked, 2 still to answer.*0:30 left/)
    expect(desk.find('dispatch').exists()).toBe(false)
  })

  test('that cannot be found is told with reasons, and can be looked for again', async () => {
    await show(answered({ state: 'nobody', turned_away: TURNED_AWAY, nearest_miss: MISS }))
    expect(desk.find('response').text()).toContain('12 turned away')
    expect(desk.find('response-mark').text()).toBe('Nobody to send')
    expect(desk.find('dispatch').text()).toContain('Search again')
  })

  test('is named with a number to call, on the way and on scene', async () => {
    const found = { state: 'found' as const, responder: WORKER }
    const sla = { answer: null, dispatch: { due_at: at(60), met_at: at(-120), breached: false }, on_scene: { due_at: at(600), met_at: null, breached: false } }
    await show(answered(found, { state: 'dispatched', sla }))
    expect(desk.find('response').text()).toContain('on the way for 2')
    expect(desk.find('response').find('a').attributes('href')).toBe('tel:138-7')
    const arrived = { ...sla, on_scene: { ...sla.on_scene, met_at: at(-5) } }
    await desk.tell(changed(2, answered(found, { state: 'on_scene', sla: arrived }), 'arrived'))
    expect(desk.find('response').attributes('data-stage')).toBe('there')
  })

  test('has all promises of the alarm beside it', async () => {
    const breached = { due_at: at(-30), met_at: null, breached: true }
    await show(answered({}, { sla: { answer: { due_at: at(-60), met_at: at(-90), breached: false }, dispatch: breached, on_scene: null } }))
    const states = desk.page.findAll('[data-testid="promises"] [data-stage]').map((step) => step.attributes('data-state'))
    expect(states).toEqual(['kept', 'overdue', 'none', 'none', 'none'])
  })

  test('is in the words of an escalation to the family', async () => {
    await show(card(5, { escalation: { level: 3, roles: ['supervisor', 'family'] } }))
    expect(desk.find('alarm-card').text()).toContain('family')
  })
})

describe('ordering from an elder’s card', () => {
  const catalogue = {
    items: [{ ...orderCard(1).item, code: 'meal', window_minutes: 60 }],
    skills: ['meal_delivery', 'dialect'],
  }

  async function draw(changes: Partial<ElderCard> = {}): Promise<void> {
    const elder = { ...elderBrief(3), contacts: [], conditions: [], oxygen_scale: 1, devices: [], latest: {}, news2: null, open_alarm_ids: [], position: null }
    desk.answers.set('GET /elders/3', { ...elder, ...changes })
    desk.answers.set('GET /elders/3/vitals?hours=24', { points: [] })
    desk.answers.set('GET /catalogue', catalogue)
    await open('/')
    await desk.tell(snapshot(1, []))
    drawnElderId.value = 3
    await flushPromises()
    await flushPromises()
  }

  test('takes the next half hour and the item’s own window', async () => {
    await draw()
    await press('order-new')
    expect(outside('order-window')?.textContent).toContain('Arrival 16:30–17:30')
    outside('order-skill-dialect')?.click()
    await write('order-note', 'Knock')
    desk.answers.set('POST /orders', { card: orderCard(9) })
    await press('order-submit')
    expect(desk.sent('POST /orders')).toEqual([
      { elder_id: 3, item: 'meal', window_from: '2026-11-22T08:30:00.000Z', skills: ['dialect'], note: 'Knock' },
    ])
    expect(outside('order-created')?.textContent).toContain('Ordered: Meal delivery')
  })

  test('shows a refusal at the form, which stays as it was filled in', async () => {
    await draw()
    await press('order-new')
    await write('order-note', 'Knock')
    desk.answers.set('POST /orders', { status: 409, error: { code: 'in_the_past', message: 'That time is over.' } })
    await press('order-submit')
    expect(outside('order-problem')?.textContent).toContain('That time is over.')
    expect((outside('order-note') as HTMLTextAreaElement).value).toBe('Knock')
  })

  test('is not possible while the elder is away, and says why', async () => {
    await draw({ state: 'hospital' })
    expect((outside('order-new') as HTMLButtonElement).disabled).toBe(true)
    expect(outside('order-away')?.textContent).toContain('In hospital')
  })
})
