// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WEIGHTS, type DayPlan, type ModePolicy, type PlannedOrder, type PlanningPolicy, type Weights } from '../src/contract/dispatching'
import PlanningPage from '../src/pages/PlanningPage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at } from './cards'
import { Phone } from './phone'
import { everyOutside, outside, press, say, send } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/:rest(.*)*', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const weights = Object.fromEntries(WEIGHTS.map((name, index) => [name, index + 1])) as Weights
const version = (changes = {}) => ({ weights, note: null, valid_from: at(-3600), valid_to: null, set_by: null, ended_by: null, ...changes })

const mode = (changes: Partial<ModePolicy> = {}): ModePolicy => ({
  mode: 'sequence',
  offer_seconds: 90,
  offers_at_once: 3,
  hall_seconds: 600,
  hall_most: 20,
  plan_cutoff: '18:00:00',
  plan_minutes: 30,
  unfilled_seconds: 3600,
  ...changes,
})

const rule = { id: 1, reason: 'worker_no_show', blame: 'provider', elder_percent: 0, provider_percent: 0, penalty_percent: 30, valid_from: at(-3600) }

const plan = (changes: Partial<DayPlan> = {}): DayPlan => ({
  id: 4,
  day: '2026-11-23',
  state: 'ready',
  reason: 'by_hand',
  asked_at: at(-60),
  asked_by: 'Liu',
  seconds: 20,
  at_once: false,
  solved_at: at(-30),
  applied_at: null,
  applied_by: null,
  error: null,
  figures: { jobs: 3, served: 2, unserved: 1, travel: 1830, lateness: 0, greatest_lateness: 0, moved: 1, workers_used: 1 },
  outcomes: { waiting: 3 },
  ...changes,
})

const visit = (changes: Partial<PlannedOrder> = {}): PlannedOrder => ({
  order_id: 21,
  elder: { id: 8, name: 'Wang' },
  item: 'meal',
  window_from: at(86_400),
  window_to: at(90_000),
  worker: { id: 3, name: 'Qian' },
  planned_at: at(87_000),
  pickup_at: null,
  reason: null,
  moved: false,
  outcome: null,
  refusal: null,
  ...changes,
})

const policy: PlanningPolicy = {
  plan_at: '20:00:00',
  seconds: 60,
  spare_minutes: 12,
  longer_percent: 8,
  hot_spare_minutes: 15,
  moved_seconds: 600,
  known_seconds: 300,
  break_minutes: 30,
  break_after_minutes: 300,
  break_from: '11:00:00',
  break_to: '14:00:00',
  at_once: false,
  again_minutes: null,
}

let desk: Phone

async function open(tab: 'dispatch' | 'days'): Promise<void> {
  desk.answers.set('POST /session', { account: { id: 1, username: 's', name: 'S', role: 'supervisor' }, organisation: null, server_time: at(0) })
  await signIn('s', 'secret')
  await router.push(`/planning?tab=${tab}`)
  await desk.open(PlanningPage)
}

beforeEach(() => {
  desk = new Phone()
  desk.answers.set('GET /ranking-policies/order', { versions: [version(), version({ valid_to: at(-3600), valid_from: at(-7200), set_by: 'Liu', note: 'winter' })] })
  desk.answers.set('GET /order-policies', { assists: [{ assist: 'meal', policy: mode({ mode: 'plan' }) }, { assist: 'bath', policy: mode() }] })
  desk.answers.set('GET /pay-rules', { rules: [rule] })
  desk.answers.set('GET /day-plans?', { plans: [plan()] })
  desk.answers.set('GET /day-plans/policy', policy)
  desk.answers.set('GET /day-plans/4', { plan: plan(), visits: [visit({ order_id: 22, worker: null, planned_at: null, reason: 'no_pair' }), visit(), visit({ order_id: 23, moved: true })] })
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

describe('the weights', () => {
  test('show what stands and every version with its reason', async () => {
    await open('dispatch')
    expect(desk.find('weights-standing').text()).toContain('Usual worker (min)4')
    expect(desk.find('weights-history').text()).toContain('winter')
  })

  test('are tried on past orders before they are set, and what was found goes when a figure changes', async () => {
    await open('dispatch')
    await press('weights-change')
    await say(outside('weight-usual_minutes'), '25')
    desk.answers.set('POST /ranking-policies/order/try', { orders: 80, others: [{ order_id: 51, asked: 1, instead: 2 }], travel_minutes: 12.5 })
    await press('weights-try')
    expect(outside('weights-tried')?.textContent).toContain('For 1 of 80 orders')
    expect(desk.sent('POST /ranking-policies/order/try')).toEqual([{ ...weights, usual_minutes: 25, orders: 100 }])
    await say(outside('weight-usual_minutes'), '24')
    expect(outside('weights-tried')).toBeNull()
    expect(desk.sent('PUT /ranking-policies/order')).toEqual([])
  })

  test('are set as a whole, with the reason', async () => {
    await open('dispatch')
    await press('weights-change')
    await say(outside('weight-risk_minutes'), '9.5')
    await say(outside('weights-note'), ' fewer late visits ')
    desk.answers.set('PUT /ranking-policies/order', { versions: [version()] })
    await send('weights-form')
    expect(desk.sent('PUT /ranking-policies/order')).toEqual([{ ...weights, risk_minutes: 9.5, note: 'fewer late visits' }])
  })
})

describe('the modes', () => {
  test('say only what their mode goes by', async () => {
    await open('dispatch')
    const [meal, bath] = desk.all('mode').map((row) => row.text())
    expect(meal).toContain('planned together after 18:00')
    expect(bath).toContain('one after the other, 1 min 30 s each')
    expect(bath).not.toContain('18:00')
  })

  test('change whole, with the figures of the other modes kept', async () => {
    await open('dispatch')
    everyOutside('mode-change')[1]?.click()
    await flushPromises()
    expect(outside('mode-once')).toBeNull()
    await say(outside('mode-mode'), 'best')
    await say(outside('mode-once'), '5')
    desk.answers.set('PUT /order-policies/bath', { assists: [] })
    await send('mode-form')
    expect(desk.sent('PUT /order-policies/bath')).toEqual([mode({ mode: 'best', offers_at_once: 5, plan_cutoff: '18:00' })])
  })
})

test('a pay rule is replaced from now on; a refusal stays in its form', async () => {
  await open('dispatch')
  await press('pay-rule-change')
  await say(outside('rule-penalty_percent'), '50')
  desk.answers.set('PUT /pay-rules/worker_no_show', { status: 403, error: { code: 'not_permitted', message: 'For the whole district only.' } })
  await send('pay-rule-form')
  expect(outside('pay-rule-form-problem')?.textContent).toContain('For the whole district only.')
  desk.answers.set('PUT /pay-rules/worker_no_show', { rules: [rule] })
  await send('pay-rule-form')
  expect(desk.sent('PUT /pay-rules/worker_no_show').at(-1)).toEqual({ blame: 'provider', elder_percent: 0, provider_percent: 0, penalty_percent: 50 })
})

describe('day plans', () => {
  test('tell their figures and every visit in words', async () => {
    await open('days')
    expect(desk.find('day-plan').text()).toContain('Ready')
    expect(desk.find('day-plan-figures').text()).toContain('2 of 3 placed, 1 not, with 1 workers')
    expect(desk.find('day-plan-figures').text()).toContain('31 minutes of travel')
    const rows = desk.all('planned-visit').map((row) => row.text())
    expect(rows[0]).toContain('Left out')
    expect(rows[0]).toContain('no two workers together')
    expect(rows[1]).toContain('Qian')
    expect(rows[2]).toContain('moved')
  })

  test('that are ready are carried out or put aside after one more question', async () => {
    await open('days')
    await desk.tap('day-plan-apply')
    expect(desk.sent('POST /day-plans/4/apply')).toEqual([])
    desk.answers.set('POST /day-plans/4/apply', { plan: plan({ state: 'applying' }), visits: [] })
    desk.answers.set('GET /day-plans/4', { plan: plan({ state: 'applying' }), visits: [] })
    desk.answers.set('GET /day-plans?', { plans: [plan({ state: 'applying' })] })
    await desk.tap('day-plan-apply-sure')
    expect(desk.sent('POST /day-plans/4/apply')).toEqual([{}])
    expect(desk.find('day-plan-apply').exists()).toBe(false)
    expect(desk.find('day-plan-detail').attributes('data-state')).toBe('applying')
  })

  test('are asked for by hand; what is left empty is as the policy says', async () => {
    await open('days')
    await desk.tap('day-plan-new')
    await say(outside('plan-day'), '2026-11-25')
    desk.answers.set('POST /day-plans', { plan: plan({ id: 5, day: '2026-11-25', state: 'queued' }), visits: [] })
    await send('plan-day-form')
    expect(desk.sent('POST /day-plans')).toEqual([{ day: '2026-11-25', seconds: null, at_once: null }])
    expect(outside('plan-day-form')).toBeNull()
  })

  test('follow a policy in words, which may be changed as a whole', async () => {
    await open('days')
    expect(desk.find('planning-policy').text()).toContain('The next day is planned at 20:00')
    expect(desk.find('planning-policy').text()).toContain('Never planned anew')
    await desk.tap('planning-policy-change')
    await say(outside('policy-again'), '15')
    desk.answers.set('PUT /day-plans/policy', policy)
    await send('planning-policy-form')
    const sent = { ...policy, plan_at: '20:00', break_from: '11:00', break_to: '14:00', again_minutes: 15 }
    expect(desk.sent('PUT /day-plans/policy')).toEqual([sent])
  })
})
