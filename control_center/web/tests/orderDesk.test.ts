// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Finding, SuspectDetail } from '../src/contract/fraud'
import type { OrderCard, Role, TaskCard } from '../src/contract/types'
import ConsolePage from '../src/pages/ConsolePage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at, orderCard, snapshot } from './cards'
import { CANDIDATES, accepted } from './deskCards'
import { Phone } from './phone'
import { everyOutside, outside, press, say } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

let desk: Phone

async function open(address: string, role: Role = 'operator'): Promise<void> {
  const account = { id: 1, username: 'o', name: 'O', role }
  desk.answers.set('POST /session', { account, organisation: null, server_time: at(0) })
  await signIn('o', 'secret')
  await router.push(address)
  await desk.open(ConsolePage)
}

async function show(order: OrderCard, role: Role = 'operator'): Promise<void> {
  desk.answers.set(`GET /orders/${order.id}`, { card: order, timeline: [], offers: [], searches: [] })
  await open(`/?view=orders&order=${order.id}`, role)
  await desk.tell(snapshot(1, [], 'one', { orders: [order] }))
  await flushPromises()
}

/** Submits the form of an action dialog by the button that it has. */
const submit = (name: string) => press(`${name}-submit`)

beforeEach(() => {
  desk = new Phone()
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

describe('the forecast of a visit', () => {
  test('stands in the facts, in the notice and on the board, in words beside the colour', async () => {
    const note = { turned_away: {}, nearest_miss: null, predicted_at: at(4320), late_minutes: 12 }
    await show(accepted({ predicted_at: at(4320), risk: 'late', attention: { kind: 'likely_late', at: at(-60), ...note } }))
    expect(desk.find('order-forecast').text()).toContain('about 17:12, 12 min late')
    expect(desk.find('attention-foretold').text()).toBe('Will begin about 17:12, 12 min late')
    const mark = desk.find('order-card', ' [data-testid="forecast"]')
    expect(mark.attributes('data-risk')).toBe('late')
    expect(mark.text()).toBe('about 17:12, 12 min late')
    expect(mark.find('svg').attributes('aria-hidden')).toBe('true')
  })

  test('of one who will be in time is no mark on the board', async () => {
    await show(accepted({ predicted_at: at(1800), risk: 'none' }))
    expect(desk.find('order-forecast').text()).toContain('about 16:30, in time')
    expect(desk.find('order-card', ' [data-testid="forecast"]').exists()).toBe(false)
  })

  test('that is missed by seconds is told as a minute', async () => {
    const note = { turned_away: {}, nearest_miss: null, predicted_at: at(3610), late_minutes: 0 }
    await show(accepted({ attention: { kind: 'likely_late', at: at(-60), ...note } }))
    expect(desk.find('attention-foretold').text()).toContain('1 min late')
  })
})

describe('a worker named by hand', () => {
  test('is chosen with travel time and what she misses before the eyes, and with a reason', async () => {
    desk.answers.set('GET /orders/2/candidates', CANDIDATES)
    await show(accepted())
    await desk.tap('order-assign')
    const words = everyOutside('assign-candidate').map((row) => row.textContent?.replace(/\s+/g, ' ').trim() ?? '')
    expect(words[0]).toContain('SunP2, 6 min away, would begin 16:40, 3 earlier visits')
    expect(words[1]).toContain('Has it now')
    expect(words[2]).toContain('Misses: off shift, outside the area')
    expect(words[3]).toContain('May not be sent: not to be sent to this elder, off shift')
    const barred = everyOutside('assign-candidate').map((row) => row.querySelector('input')?.disabled)
    expect(barred).toEqual([false, true, false, true, true])
    expect(outside('assign-loser')?.textContent).toContain('Zhou loses this order')
    expect(outside('assign-override')).toBeNull()

    outside('assign-candidate')?.parentElement?.querySelector<HTMLInputElement>('[data-worker="9"] input')?.click()
    await flushPromises()
    expect(outside('assign-override')?.textContent).toContain('Set aside for this worker: off shift, outside the area')
    expect((outside('assign-submit') as HTMLButtonElement).disabled).toBe(true)
    await say(outside('assign-reason'), ' Knows her for years ')
    await press('assign-agreed')
    expect(outside('assign-submit')?.textContent).toContain('Give it to this worker')
    desk.answers.set('POST /orders/2/assign', { card: accepted() })
    await submit('assign')
    expect(desk.sent('POST /orders/2/assign')).toEqual([{ worker_id: 9, reason: 'Knows her for years', agreed: true }])
    expect(outside('assign-submit')).toBeNull()
  })

  test('stays to be chosen when the service refuses', async () => {
    desk.answers.set('GET /orders/2/candidates', CANDIDATES)
    await show(orderCard(2))
    await desk.tap('order-assign')
    expect(outside('assign-loser')).toBeNull()
    everyOutside('assign-candidate')[0]?.querySelector('input')?.click()
    await say(outside('assign-reason'), 'near')
    desk.answers.set('POST /orders/2/assign', { status: 409, error: { code: 'already_asked', message: 'Was asked.' } })
    await submit('assign')
    expect(outside('assign-submit')).not.toBeNull()
    expect(desk.sent('POST /orders/2/assign')).toEqual([{ worker_id: 8, reason: 'near', agreed: false }])
  })
})

describe('an order that staff cancel', () => {
  test.each([false, true])('says whether the elder’s side wants it: %s', async (forElder) => {
    await show(accepted())
    await desk.tap('order-cancel')
    await say(outside('reason-text'), 'The daughter called')
    if (forElder) await press('reason-for-elder')
    await submit('reason')
    expect(desk.sent('POST /orders/2/cancel')).toEqual([{ reason: 'The daughter called', for_elder: forElder }])
  })

  test('and one that is given to somebody else asks no such thing', async () => {
    await show(accepted())
    await desk.tap('order-reassign')
    expect(outside('reason-for-elder')).toBeNull()
    await say(outside('reason-text'), 'Her scooter broke down')
    await submit('reason')
    expect(desk.sent('POST /orders/2/reassign')).toEqual([{ reason: 'Her scooter broke down' }])
  })
})

describe('what the elder says by telephone', () => {
  test('is written down as a rating in the elder’s words', async () => {
    await show(accepted({ state: 'completed', ended_at: at(-60) }))
    await desk.tap('order-rate')
    expect((outside('rate-submit') as HTMLButtonElement).disabled).toBe(true)
    await press('rate-4')
    await say(outside('rate-words'), ' Very gentle ')
    await submit('rate')
    expect(desk.sent('POST /orders/2/rating')).toEqual([{ stars: 4, words: 'Very gentle' }])
  })

  test('is taken down as a complaint with whose it is', async () => {
    await show(accepted())
    await desk.tap('order-complain')
    await say(outside('complain-kind'), 'late')
    await say(outside('complain-words'), ' Nobody at noon ')
    await press('complain-by-family')
    await submit('complain')
    expect(desk.sent('POST /orders/2/complaints')).toEqual([{ kind: 'late', words: 'Nobody at noon', complainer: 'family' }])
  })
})

describe('a fraud review', () => {
  const finding = (changes: Partial<Finding>): Finding => ({
    pattern: 'too_short',
    weight: 25,
    at: at(-600),
    evidence: { seconds: 240, least_seconds: 900 },
    verdict: null,
    order_id: 31,
    elder: 'Wang',
    address: 'Tiansheng Road 1',
    home: { lat: 29.81, lon: 106.4 },
    checked_in_at: at(-3600),
    checked_in_by: 'gps',
    checked_in: { lat: 29.82, lon: 106.4 },
    completed_at: at(-3360),
    completed: null,
    left: null,
    ...changes,
  })
  const travelled = finding({
    pattern: 'impossible_travel',
    weight: 40,
    evidence: { from_order: 30, left_at: at(-3900), arrived_at: at(-3600), distance_m: 20_000, kmh: 240 },
    left: { lat: 29.99, lon: 106.4 },
  })
  const suspect: SuspectDetail = {
    worker: { worker_id: 7, name: 'Zhou', provider: 'P1', score: 65, findings: 2, visits: 12, last_at: at(-600), task_id: 4 },
    findings: [finding({}), travelled],
  }
  const task: TaskCard = {
    id: 4, kind: 'fraud_review', state: 'open', org: { code: '500109', name: 'Beibei' }, elder: null, alarm_id: null, order_id: null,
    created_at: at(-60), due_at: at(600), overdue: false, taken_by: null, taken_at: null, done_by: null, done_at: null, outcome: null,
    outcomes: ['confirmed_fraud', 'no_fraud'], for_supervisor: true, note: null, detail: { worker_id: 7, worker: 'Zhou', score: 65 },
  }

  async function board(role: Role): Promise<void> {
    desk.answers.set('GET /fraud/7', suspect)
    await open('/?view=tasks', role)
    await desk.tell(snapshot(1, [], 'one', { tasks: [task] }))
  }

  test('shows a supervisor each finding with times, both places, the distance and its weight', async () => {
    await board('supervisor')
    expect(desk.sent('GET /fraud/7')).toHaveLength(0)
    await desk.tap('task-findings')
    const [short, travel] = desk.all('finding').map((row) => row.text().replace(/\s+/g, ' '))
    expect(desk.find('fraud').text()).toContain('2 findings in 12 visits of 30 days: suspicion 65.')
    for (const words of ['Too short', 'weight 25', 'Order 31', 'Wang', 'Tiansheng Road 1', 'Lasted 4:00, at least 15:00', '29.82000, 106.40000', '1.1 km from home', 'not recorded']) {
      expect(short).toContain(words)
    }
    for (const words of ['Impossible travel', 'weight 40', 'Where order 30 was left', '29.99000, 106.40000', '20.0 km away: 240 km/h', '14:55:00']) {
      expect(travel).toContain(words)
    }
    await desk.tap('task-findings')
    expect(desk.all('finding')).toHaveLength(0)
  })

  test('has what was found beside the verdict that is asked for', async () => {
    await board('supervisor')
    await desk.tap('task-finish')
    await flushPromises()
    expect(everyOutside('finding')).toHaveLength(2)
    expect(outside('task-outcome')).not.toBeNull()
  })

  test('is for supervisors alone', async () => {
    await board('operator')
    expect(desk.find('task-findings').exists()).toBe(false)
  })
})
