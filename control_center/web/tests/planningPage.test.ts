// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { localMoment } from '../src/orders/window'
import PlanningPage from '../src/pages/PlanningPage.vue'
import DutyDialog from '../src/planning/DutyDialog.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at, card, snapshot } from './cards'
import { Phone } from './phone'
import { UNIT, everyOutside, outside, policy, press, rota, rotaDetail, say, send } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/:rest(.*)*', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

let desk: Phone
function refuse(call: string, message: string): void {
  desk.answers.set(call, { status: 422, error: { code: 'invalid_input', message } })
}

async function open(tab: string): Promise<void> {
  desk.answers.set('POST /session', {
    account: { id: 1, username: 's', name: 'S', role: 'supervisor' },
    organisation: null,
    server_time: at(0),
  })
  await signIn('s', 'secret')
  await router.push(`/planning?tab=${tab}`)
  await desk.open(PlanningPage)
}

beforeEach(() => {
  desk = new Phone()
  desk.answers.set('GET /rotas', { rotas: [rota()] })
  desk.answers.set('GET /rotas/4', rotaDetail())
  desk.answers.set('GET /rotas/4/colleagues', [{ id: 2, name: 'Wang', role: 'operator', org: UNIT }])
  desk.answers.set('GET /shifts', { shifts: [], swaps: [], notes: [] })
  desk.answers.set('GET /reachable', { people: [] })
  desk.answers.set('GET /units', { units: [UNIT, { code: '500109001', name: 'Tiansheng' }] })
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

describe('the page', () => {
  test('says which alarms wait while somebody plans', async () => {
    await open('duty')
    await desk.tell(snapshot(1, [card(5, { state: 'raised' })]))
    expect(desk.find('planning-alarms').text()).toContain('1 unanswered alarm')
    expect(desk.find('planning-alarms').attributes('href')).toBe('/?alarm=5')
  })

  test('moves between its tabs by arrow keys', async () => {
    desk.answers.set('GET /escalation-policies', { policies: [], calendar: { today: 'workday', known_until: '2027-12-31', warns: false } })
    await open('duty')
    await desk.find('plan-tab-duty').trigger('keydown', { key: 'ArrowRight' })
    await flushPromises()
    expect(desk.find('escalation').exists()).toBe(true)
    expect(desk.find('plan-tab-escalation').attributes('aria-selected')).toBe('true')
  })

  test('says why something could not be read, and reads it again when asked', async () => {
    refuse('GET /rotas', 'No database')
    await open('duty')
    expect(desk.find('plan-problem').text()).toContain('No database')
    desk.answers.set('GET /rotas', { rotas: [rota()] })
    await desk.find('plan-problem').find('button').trigger('click')
    await flushPromises()
    expect(desk.all('rota')).toHaveLength(1)
  })
})

describe('duty', () => {
  test('shows who is on, the gaps and who cannot be reached', async () => {
    const gaps = [{ starts_at: at(3600), ends_at: at(7200), persons: [] }]
    desk.answers.set('GET /rotas', { rotas: [rota({ gaps, unreachable: [{ id: 2, name: 'Wang' }] })] })
    await open('duty')
    expect(desk.find('rota-on').text()).toBe('Wang')
    expect(desk.find('rota-gaps').text()).toContain('1 gap')
    expect(desk.find('rota-unreachable').text()).toBe('Wang')
  })

  test('a rota that is refused keeps what was typed and says why', async () => {
    refuse('POST /rotas', 'The name is taken')
    await open('duty')
    await desk.tap('rota-new')
    await say(outside('rota-name'), 'Nights')
    await send('rota-form')
    expect(outside('rota-form-problem')?.textContent).toContain('The name is taken')
    expect((outside('rota-name') as HTMLInputElement).value).toBe('Nights')
    expect(desk.sent('POST /rotas')).toEqual([{ org_code: '500109', name: 'Nights', check_hours: 12 }])
  })

  test('a layer gets hand-over times, turns and people', async () => {
    await open('duty')
    await desk.tap('rota-open')
    expect(desk.all('span')[1]?.text()).toContain('Nobody')
    await press('layer-new')
    await say(everyOutside('layer-person')[0], '2')
    await say(outside('layer-first'), '2026-11-23')
    await send('layer-form')
    expect(desk.sent('PUT /rotas/4/layers/1')).toEqual([
      { first_day: '2026-11-23', every_days: 1, hand_over: ['08:00', '20:00'], turns: [[2], []], since: null },
    ])
    expect(outside('layer-form')).toBeNull()
  })

  test('the check before a shift counts only for those who still work it', async () => {
    const people = [{ id: 2, name: 'Wang' }, { id: 3, name: 'Chen' }]
    const check = { starts_at: at(0), ends_at: at(3600), checked_at: at(-60), unreachable: people }
    desk.answers.set('GET /rotas/4', rotaDetail({ checks: [check] }))
    await open('duty')
    await desk.tap('rota-open')
    expect(desk.all('span')[0]?.text()).toMatch(/Not reachable enough: Wang$/)
  })

  test('an override is said in the district’s time', async () => {
    await open('duty')
    await desk.tap('rota-open')
    await press('override-new')
    await say(outside('override-from-day'), '2026-11-23')
    await say(outside('override-from-time'), '08:00')
    await say(outside('override-until-day'), '2026-11-23')
    await say(outside('override-until-time'), '20:00')
    await say(outside('override-substitute'), '2')
    await send('override-form')
    expect(desk.sent('POST /rotas/4/overrides')).toEqual([
      { starts_at: '2026-11-23T00:00:00.000Z', ends_at: '2026-11-23T12:00:00.000Z', absent_id: null, substitute_id: 2, reason: null },
    ])
  })

  test('a swap is agreed to only after it was asked whether one is sure', async () => {
    const swap = {
      id: 9, rota_id: 4, rota: 'Night desk', asked_by: { id: 2, name: 'Wang' }, partner: { id: 1, name: 'S' },
      starts_at: at(3600), ends_at: at(7200), return_starts_at: null, return_ends_at: null, note: null,
      state: 'asked', asked_at: at(-60), answered_at: null,
    }
    desk.answers.set('GET /shifts', { shifts: [], swaps: [swap], notes: [] })
    await open('duty')
    await desk.tap('swap-agree')
    expect(desk.sent('POST /swaps/9/answer')).toEqual([])
    await desk.tap('swap-agree-sure')
    expect(desk.sent('POST /swaps/9/answer')).toEqual([{ agrees: true }])
  })

  test('a note is left for the next shift, and read by whoever it waits for', async () => {
    const note = {
      id: 6, rota_id: 4, rota: 'Night desk', author: { id: 2, name: 'Wang' }, at: at(-60), note: 'The lift is broken',
      for_shift_at: at(3600), read_by: [], waits_for: [{ id: 1, name: 'S' }],
    }
    desk.answers.set('GET /shifts', { shifts: [], swaps: [], notes: [note] })
    await open('duty')
    await desk.tap('handover-read')
    expect(desk.sent('POST /handover-notes/6/acknowledge')).toEqual([{}])
    refuse('POST /rotas/4/notes', 'Nobody comes after you')
    await desk.tap('rota-open')
    await say(outside('handover-text'), 'All quiet')
    await desk.find('handover-text').element.closest('form')?.dispatchEvent(new Event('submit'))
    await flushPromises()
    expect(desk.find('handover-problem').text()).toBe('Nobody comes after you')
    expect((outside('handover-text') as HTMLTextAreaElement).value).toBe('All quiet')
  })
})

test('an operator has the own shifts and notes in a dialog, without what only supervisors set', async () => {
  const shifts = [{ rota_id: 4, rota: 'Night desk', starts_at: at(3600), ends_at: at(7200) }]
  desk.answers.set('GET /shifts', { shifts, swaps: [], notes: [] })
  desk.answers.set('GET /rotas', { rotas: [rota({ may_change: false })] })
  await desk.open(DutyDialog)
  expect(outside('own-duty')?.textContent).toContain('Night desk')
  await press('rota-open')
  expect(outside('swap-new')).not.toBeNull()
  expect(outside('layer-new')).toBeNull()
})

describe('escalation', () => {
  beforeEach(() => {
    const calendar = { today: 'workday', known_until: '2026-12-31', warns: true }
    desk.answers.set('GET /escalation-policies', { policies: [policy()], calendar })
  })

  test('says in words who is called when, and that holidays will soon not be known', async () => {
    await open('escalation')
    expect(desk.all('policy-step').map((step) => step.text())).toEqual([
      'At oncefree seat no. 1',
      'After 1 min 30 sSupervisor (its district), the family',
    ])
    expect(desk.find('policy').text()).toMatch(/version 2.*Beibei.*Emergency.*22:00 to 06:00/)
    expect(desk.find('holidays').text()).toContain('only until 2026-12-31')
  })

  test('a new version begins from the last one', async () => {
    desk.answers.set('PUT /escalation-policies/nights', policy({ version: 3 }))
    await open('escalation')
    await desk.tap('policy-change')
    await press('step-new')
    const [, , kind] = everyOutside('target-kind').slice(-3)
    await say(kind, 'contact')
    await say(everyOutside('target-number').at(-1), '2')
    await send('policy-form')
    const [sent] = desk.sent('PUT /escalation-policies/nights') as { steps: unknown[]; org_code: string; elder_id: null }[]
    expect(sent?.steps).toHaveLength(3)
    expect(sent?.steps[2]).toEqual({
      after_seconds: 110,
      targets: [{ kind: 'contact', number: 2, role: null, level: null, org_code: null, rota_id: null, account_id: null }],
    })
    expect([sent?.org_code, sent?.elder_id]).toEqual(['500109', null])
  })

  test('what came with the service is not replaced, but another is made from it', async () => {
    const given = policy({ org: null, set_by: null, may_change: false })
    desk.answers.set('GET /escalation-policies', { policies: [given], calendar: { today: 'workday', known_until: '2027-12-31', warns: false } })
    await open('escalation')
    expect(desk.find('policy-end').exists()).toBe(false)
    await desk.tap('policy-copy')
    await send('policy-form')
    expect(desk.sent('POST /escalation-policies')).toHaveLength(1)
  })

  test('a refusal names the step and the field, in the unit that it counts in', async () => {
    desk.answers.set('PUT /escalation-policies/nights', {
      status: 422,
      error: { code: 'invalid_input', message: 'Not valid', fields: { 'steps.1.after_seconds': 'must not be below 0' } },
    })
    await open('escalation')
    await desk.tap('policy-change')
    await send('policy-form')
    expect(outside('policy-form-problem')?.textContent).toContain('Step 2, So long after the alarm (in seconds): must not be below 0')
    expect((outside('policy-name') as HTMLInputElement).value).toBe('Nights')
  })
})

describe('promises', () => {
  const dayOf = (seconds: number) => localMoment(Date.parse(at(seconds))).day
  const days = { since: dayOf(-30 * 86_400), until: dayOf(0) }
  const measured = (passed: boolean) => ({
    measure: 'answer', decided: 40, kept: 39, broken: 1, times: { mean: 8.24, p50: 7, p90: 40, p99: 75 },
    bar: { calls: 40, within_60: 39, within_180: 40, passed },
  })
  const standing = {
    id: 3, org: UNIT, kind: null, severity: 'emergency', answer_seconds: 60, dispatch_seconds: 180, accept_seconds: null,
    on_scene_seconds: null, resolve_seconds: null, note: null, valid_from: at(-60), valid_to: null, set_by: 'Liu', ended_by: null,
  }

  beforeEach(() => {
    desk.answers.set('GET /promises', { standing: [standing], history: [] })
    for (const by of ['day', 'kind']) {
      const groups = [{ key: by === 'kind' ? 'sos' : days.until, name: null, measures: [measured(false)] }]
      const report = { ...days, by, severity: null, in_all: [measured(true)], groups }
      desk.answers.set(`GET /compliance?${new URLSearchParams({ by, ...days }).toString()}`, report)
    }
  })

  test('the report tells whether the bar is met in a word, not by colour alone', async () => {
    await open('promises')
    expect(desk.all('bar').map((bar) => bar.text())).toEqual([expect.stringMatching(/✔\s*Met/), expect.stringMatching(/✘\s*Missed/)])
    expect(desk.all('measured')[0]?.text()).toMatch(/39 97.5%.*8\.2 s7 s40 s1 min 15 s/)
    expect(desk.find('compliance-csv').attributes('href')).toBe(`/api/compliance.csv?by=day&since=${days.since}&until=${days.until}`)
    await desk.find('compliance-by').setValue('kind')
    await flushPromises()
    expect(desk.find('compliance').text()).toContain('SOS')
  })

  test('a new version is sent in seconds, and empty is no promise', async () => {
    desk.answers.set('POST /promises', { standing: [], history: [] })
    await open('promises')
    expect(desk.find('promise').text()).toMatch(/Beibei.*1 min.*3 min/)
    await desk.tap('promise-change')
    await say(outside('promise-resolve'), '90')
    await send('promise-form')
    expect(desk.sent('POST /promises')).toEqual([
      {
        org_code: '500109', severity: 'emergency', kind: null, answer_seconds: 60, dispatch_seconds: 180, accept_seconds: null,
        on_scene_seconds: null, resolve_seconds: 90, note: null,
      },
    ])
  })
})

describe('channels', () => {
  const light = (name: string, state: string) => ({
    name, light: state, timeout_seconds: 5, attempts: 3, waiting: 0, late: 0, last_success_at: null, last_failure_at: null, last_error: null,
  })

  test('have a light each with its word, and a new system’s key is shown once', async () => {
    desk.answers.set('GET /transports', { transports: [light('sms', 'off'), light('voice', 'failing'), light('screen', 'good')] })
    desk.answers.set('GET /webhooks', { webhooks: [] })
    desk.answers.set('POST /webhooks', { webhook: { id: 1, name: 'City' }, secret: 'whsec_1' })
    await open('channels')
    expect(desk.all('transport').map((one) => one.find('.word').text())).toEqual(['○ Not configured', '✘ Failing', '✔ Good'])
    await desk.tap('webhook-new')
    await say(outside('webhook-name'), 'City')
    await say(outside('webhook-url'), 'https://city.example')
    await send('webhook-form')
    expect(desk.sent('POST /webhooks')).toEqual([
      { org_code: '500109', name: 'City', url: 'https://city.example', kinds: ['alarm.raised', 'alarm.resolved'] },
    ])
    expect(desk.find('webhook-secret').text()).toContain('whsec_1')
  })
})
