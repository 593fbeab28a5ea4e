// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AlarmCard, CallCard, Role, TaskCard } from '../src/contract/types'
import { drawnElderId } from '../src/elders/drawer'
import ConsolePage from '../src/pages/ConsolePage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at, card, elderBrief, snapshot } from './cards'
import { Phone } from './phone'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const ORG = { code: '500109', name: 'Beibei' }
const task = (changes: Partial<TaskCard> = {}): TaskCard => ({
  id: 7,
  kind: 'call_back',
  state: 'open',
  org: ORG,
  elder: elderBrief(3),
  order_id: null,
  alarm_id: 5,
  created_at: at(-3600),
  due_at: at(3600),
  overdue: false,
  taken_by: null,
  taken_at: null,
  done_by: null,
  done_at: null,
  outcome: null,
  outcomes: ['well', 'needs_help'],
  for_supervisor: false,
  note: null,
  detail: {},
  ...changes,
})
const call = (changes: Partial<CallCard> = {}): CallCard => ({
  id: 9,
  direction: 'inbound',
  state: 'ringing',
  number: '13800000003',
  line: '12349',
  party: 'elder',
  party_name: null,
  elder: elderBrief(3),
  candidates: [],
  order_ids: [],
  alarm_id: null,
  org: ORG,
  account: null,
  seat: null,
  by_hand: false,
  queued_at: at(-5),
  rang_at: at(-5),
  answered_at: null,
  ended_at: null,
  wait_seconds: null,
  talk_seconds: null,
  outcome: null,
  note: null,
  ...changes,
})

let desk: Phone
const outside = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)

async function press(id: string): Promise<void> {
  outside(id)?.click()
  await flushPromises()
}

async function choose(id: string): Promise<void> {
  outside(id)?.querySelector('input')?.click()
  await flushPromises()
}

async function write(id: string, text: string): Promise<void> {
  const field = outside(id) as HTMLInputElement
  field.value = text
  field.dispatchEvent(new Event('input'))
  await flushPromises()
}

async function open(address: string, alarms: AlarmCard[], more: { tasks?: TaskCard[]; calls?: CallCard[] }, role: Role = 'operator') {
  desk.answers.set('POST /session', {
    account: { id: 1, username: 'o', name: 'O', role },
    organisation: null,
    server_time: at(0),
  })
  await signIn('o', 'secret')
  await router.push(address)
  await desk.open(ConsolePage)
  await desk.tell(snapshot(1, alarms, 'one', more))
}

beforeEach(() => {
  desk = new Phone()
})
afterEach(() => {
  desk.close()
  drawnElderId.value = null
  forgetSession()
})

describe('the tasks', () => {
  test('stand in the order of their time, and those that are late are counted', async () => {
    const late = task({ id: 8, due_at: at(-600) })
    await open('/?view=tasks', [], { tasks: [task(), late] })
    expect(desk.all('task').map((row) => row.attributes('data-task-id'))).toEqual(['8', '7'])
    expect(desk.find('view-tasks').text()).toMatch(/2.*1/)
    expect(desk.all('task')[0]?.text()).toContain('10:00 late')
  })

  test('are finished with one of the outcomes that fit', async () => {
    await open('/?view=tasks', [], { tasks: [task()] })
    await desk.tap('task-finish')
    expect(outside('task-outcome-breach')).toBeNull()
    await choose('task-outcome-well')
    await press('task-submit')
    expect(desk.sent('POST /tasks/7/complete')).toEqual([{ outcome: 'well', note: null }])
  })

  test('that are a supervisor’s say so to an operator', async () => {
    await open('/?view=tasks', [], { tasks: [task({ kind: 'breach_review', for_supervisor: true })] })
    expect(desk.find('task-finish').exists()).toBe(false)
    expect(desk.find('task').text()).toContain('For a supervisor')
  })

  test('about an order lead to it and say in words what they are about', async () => {
    const fraud = task({ id: 9, kind: 'fraud_review', order_id: 12, detail: { worker: 'Qian', worker_id: 3, score: 70 } })
    const late = task({ id: 10, kind: 'breach_review', order_id: 13, detail: { promise: 'arrive', late_seconds: 60 } })
    const entry = task({ id: 11, kind: 'back_entry', order_id: 14, detail: { began_at: at(-7200), ended_at: at(-3600), reason: 'no phone' } })
    const offline = { worker: 'Zhao', worker_id: 4, offline: true, departed_at: at(-7200), arrived_at: at(-3600) }
    const absent = task({ id: 12, kind: 'no_show_review', order_id: 15, detail: offline })
    await open('/?view=tasks', [], { tasks: [fraud, late, entry, absent] }, 'supervisor')
    const rows = desk.all('task').map((row) => row.text().replace(/\s+/g, ' '))
    expect(rows[0]).toContain('Order 12')
    expect(rows[0]).toContain('Qian')
    expect(rows[0]).toContain('suspicion 70')
    expect(rows[1]).toContain('Arriv')
    expect(rows[2]).toContain('no phone')
    expect(rows[3]).toContain('contradicted by an offline phone')
    expect(rows[3]).toMatch(/Zhao.*set out.*at the door/)
    expect(desk.find('task-order').attributes('href')).toBe('/?view=orders&order=12')
  })

  test('that are decided on a page of their own lead there and cannot be ticked off here', async () => {
    const complaint = task({ id: 9, kind: 'complaint', outcomes: ['upheld', 'dismissed'], detail: { complaint_id: 3, about: 'rude' } })
    const settlement = task({ id: 10, kind: 'settlement', outcomes: ['settled'], detail: { provider_id: 7, month: '2026-10' } })
    await open('/?view=tasks', [], { tasks: [complaint, settlement] }, 'supervisor')
    expect(desk.all('task-page').map((link) => link.attributes('href'))).toEqual(['/complaints', '/settlement?month=2026-10'])
    expect(desk.all('task')[0]?.text()).toContain('Rude')
    expect(desk.find('task-finish').exists()).toBe(false)
  })

  test('that somebody does are left to her, but for a supervisor', async () => {
    const taken = task({ state: 'taken', taken_by: { id: 2, name: 'Wang' } })
    await open('/?view=tasks', [], { tasks: [taken] })
    expect(desk.find('task-finish').exists()).toBe(false)
    desk.close()
    desk = new Phone()
    await open('/?view=tasks', [], { tasks: [taken] }, 'supervisor')
    expect(desk.find('task-finish').exists()).toBe(true)
    expect(desk.find('task-take').exists()).toBe(true)
  })
})

describe('a call', () => {
  test('shows who calls, and is taken with one press', async () => {
    await open('/', [], { calls: [call()] })
    expect(desk.find('call').text()).toContain(elderBrief(3).name)
    await desk.tap('call-take')
    expect(desk.sent('POST /calls/9/take')).toEqual([{}])
  })

  test('of a number that fits several asks whom it is about', async () => {
    const candidates = [3, 4].map((id) => ({ elder: elderBrief(id), party: 'contact', party_name: 'Li' }))
    await open('/', [], { calls: [call({ elder: null, candidates })] })
    await desk.page.findAll('[data-testid="call"] button')[1]?.trigger('click')
    await flushPromises()
    expect(desk.sent('PUT /calls/9/elder')).toEqual([{ elder_id: 4 }])
  })
})

describe('placing a call', () => {
  async function draw(extension: string | null): Promise<void> {
    const contact = { name: 'Li', relation: 'daughter', phone: '13900000001', priority: 1 }
    const entry = { phone: null, door_note: 'Code 77', key_holder: 'Sun', key_holder_phone: '138', }
    desk.answers.set('GET /phone-lines', { telephony: true, extension, lines: [] })
    desk.answers.set('GET /elders/3', { ...elderBrief(3), contacts: [contact], conditions: [], oxygen_scale: 1, devices: [], latest: {}, news2: null, open_alarm_ids: [], position: null, entry, medicines: ['aspirin'] })
    desk.answers.set('GET /elders/3/vitals?hours=24', { points: [] })
    await open('/', [], {})
    drawnElderId.value = 3
    await flushPromises()
    await flushPromises()
  }

  test('rings the telephone at the seat, and is about the elder', async () => {
    await draw('201')
    await press('call-place')
    expect(desk.sent('POST /elders/3/calls')).toEqual([{ number: '13900000001' }])
    expect(outside('elder-card')?.textContent).toMatch(/aspirin.*Code 77.*Sun/s)
  })

  test('is not offered where no telephone stands at the seat', async () => {
    await draw(null)
    expect(outside('call-place')).toBeNull()
  })
})

describe('what else can be done about an alarm', () => {
  const answered = card(5, { state: 'acknowledged', incident_id: 2 })

  async function show(alarm: AlarmCard): Promise<void> {
    desk.answers.set('GET /alarms/5', { card: alarm, timeline: [], offers: [] })
    desk.answers.set('GET /incidents/2', {
      incident: { id: 2, opened_at: at(-60), ended_at: null, is_test: false, group: null, alarms: [alarm, card(6, { kind: 'fall', incident_id: 2 })] },
      timeline: [],
      signals: [{ id: 1, alarm_id: 5, device: 'B-1', kind: 'sos', at: at(-60), received_at: at(-60), topic: 'care', raw: '{"v":1}' }],
      related: [],
    })
    await open('/?alarm=5', [alarm], {})
    await flushPromises()
  }

  test('the other alarms and the raw messages of its incident stand beside it', async () => {
    await show(answered)
    expect(desk.find('incident').text()).toMatch(/Fall.*One message as it came/)
    expect(desk.find('incident').find('code').text()).toBe('{"v":1}')
  })

  test('a responder is named with a reason', async () => {
    desk.answers.set('GET /alarms/5/candidates', {
      considered: 12,
      eligible: 1,
      ranked: [
        {
          worker: { id: 7, name: 'Zhou', provider: 'P', phone: null },
          reasons: { travel_minutes: 4, distance_m: 900, familiarity: 2, cost: 3, circle: 1, kind: 'paired', skilled: true, paired: true, on_shift: true, position_seconds: 5, trust: 1 },
          waived: [],
        },
      ],
      turned_away: { shift: 11 },
      left_out: [{ worker_id: 8, worker: 'Sun', kind: 'station', missing: ['shift'], travel_minutes: 2, circle: null, rank: null, cost: 2 }],
      server_time: at(0),
    })
    await show(answered)
    await desk.tap('tool-candidates')
    const rows = [...document.querySelectorAll('[data-testid="candidate"]')]
    expect(rows.map((row) => row.textContent?.replace(/\s+/g, ' ').trim())).toEqual([
      'ZhouPaired helper, 4 min, paired with the elder, 2 earlier visits',
      'SunStation staff, 2 minoff shift',
    ])
    rows[1]?.querySelector('input')?.click()
    await write('candidate-reason', 'next door')
    await press('candidates-submit')
    expect(desk.sent('POST /alarms/5/name')).toEqual([{ worker_id: 8, reason: 'next door', agreed: false }])
  })

  test('the device is told to ring, and what came of it is shown', async () => {
    const told = { id: 'x', kind: 'ring', device: 'B-1', by: null, created_at: at(0), expires_at: at(60), attempts: 1, answered_at: null, result: null, place: null }
    desk.answers.set('GET /alarms/5/devices', { devices: [{ id: 'B-1', kind: 'button', raised_it: true }], commands: [] })
    desk.answers.set('POST /alarms/5/commands', { devices: [], commands: [{ ...told, state: 'expired' }] })
    await show(answered)
    await desk.tap('tool-device')
    await press('tell-ring')
    expect(desk.sent('POST /alarms/5/commands')).toEqual([{ kind: 'ring', device: 'B-1' }])
    expect(document.querySelector('[data-state="expired"]')?.textContent).toContain('No answer')
  })

  test('120 is told what stands ready, under its reference', async () => {
    const view = { summary: { made_at: at(0) }, text: { zh: '中', en: 'Woman, 82, Road 1' }, made: [] }
    desk.answers.set('GET /alarms/5/handoff', view)
    desk.answers.set('POST /alarms/5/handoff', view)
    await show(answered)
    await desk.tap('tool-handoff')
    expect(outside('handoff-text')?.textContent).toBe('Woman, 82, Road 1')
    await write('handoff-reference', '120-77')
    await press('handoff-submit')
    expect(desk.sent('POST /alarms/5/handoff')).toEqual([{ reference: '120-77', note: null }])
  })

  test('the clocks are paused for an allowed reason, and go on with one press', async () => {
    desk.answers.set('GET /pause-reasons', {
      reasons: [{ code: 'police', name_zh: '警', name_en: 'Waiting for the police', most_minutes: 60, in_emergency: true }],
    })
    await show(answered)
    await desk.tap('tool-pause')
    const choice = outside('pause-reason') as HTMLSelectElement
    expect(choice.options[0]?.text).toBe('Waiting for the police (up to 60 minutes)')
    choice.value = 'police'
    choice.dispatchEvent(new Event('change'))
    await flushPromises()
    await press('pause-submit')
    expect(desk.sent('POST /alarms/5/pause')).toEqual([{ reason: 'police', minutes: null, note: null }])
  })
})
