// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import AlarmFacts from '../src/alarms/AlarmFacts.vue'
import Timeline from '../src/alarms/Timeline.vue'
import type { AlarmFinding, HomeCard, TimelineEntry } from '../src/contract/types'
import HomePanel from '../src/elders/HomePanel.vue'
import { i18n } from '../src/i18n'
import { learnServerTime } from '../src/time/clock'
import { at, card } from './cards'

const HOME: HomeCard = {
  movement: {
    moved_at: at(-2400),
    still_since: at(-2400),
    heard_at: at(-30),
    in_bed: false,
    door_opened_at: null,
    limits: Array<number>(24).fill(120),
    limit_minutes: 120,
    days_known: 9,
    least_minutes: null,
  },
  water: [{ device: 'H-1', sensor: '', at: at(-30), shown_m3: 12.5, hours: 12, used_m3: 0.2, used_in_a_day_m3: null }],
  sensors: [{ device: 'H-1', sensor: '0xa4', heard_at: at(-30), battery: 9, states: {} }],
  geofence: null,
  outside_since: null,
  past_geofences: [],
  past_limits: [],
}

const calls: { call: string; body: unknown }[] = []
let home: HomeCard

beforeEach(() => {
  home = HOME
  calls.length = 0
  learnServerTime(at(0))
  i18n.global.locale.value = 'en'
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    calls.push({ call: `${init.method} ${path}`, body: init.body ? JSON.parse(init.body as string) : undefined })
    return Promise.resolve(new Response(JSON.stringify(home)))
  })
})
afterEach(() => vi.unstubAllGlobals())

async function opened() {
  const panel = mount(HomePanel, { props: { id: 3 }, global: { plugins: [i18n] } })
  await flushPromises()
  return panel
}

function facts(finding: AlarmFinding, kind = 'no_movement'): string {
  return mount(AlarmFacts, { props: { card: card(1, { kind, finding }) }, global: { plugins: [i18n] } }).text()
}

describe('a home with sensors', () => {
  test('shows movement, the limit, the water used and the sensor whose battery is low', async () => {
    const text = (await opened()).text()
    expect(text).toContain('not in bed')
    expect(text).toContain('120 min learnt from 9 days')
    expect(text).toContain('200 l in 12 h')
    expect(text).toContain('0xa4 9%')
  })

  test('is fenced by its radius, and the answer is shown at once', async () => {
    const panel = await opened()
    const fence = { centre: { lat: 29.8, lon: 106.4 }, radius_m: 800, since: at(0), until: null, set_by: { id: 1, name: 'W' }, ended_by: null }
    home = { ...HOME, geofence: fence, outside_since: at(-60) }
    await panel.find('[data-testid="geofence"] input').setValue(800)
    await panel.find('[data-testid="geofence"]').trigger('submit')
    await flushPromises()
    expect(calls.at(-1)).toEqual({ call: 'PUT /api/elders/3/geofence', body: { radius_m: 800 } })
    expect(panel.text()).toContain('Drawn by W')
    expect(panel.find('[role="alert"]').text()).toContain('Outside the fence since')
  })

  test('offers nothing to press until a command is answered', async () => {
    const panel = await opened()
    vi.stubGlobal('fetch', () => new Promise(() => undefined))
    await panel.find('[data-testid="geofence"]').trigger('submit')
    const buttons = panel.findAll('button')
    expect(buttons.length).toBeGreaterThan(0)
    expect(buttons.every((button) => button.attributes('disabled') !== undefined)).toBe(true)
  })

  test('says so where nothing watches', async () => {
    home = { ...HOME, movement: null, water: [], sensors: [] }
    expect((await opened()).text()).toContain('No sensor watches this home.')
  })
})

describe('the alarm of a home', () => {
  test('says since when and why', () => {
    const text = facts({ reason: 'left_bed', still_since: at(-3000), limit_minutes: 45 })
    expect(text).toContain('left the bed at night and did not return (at most 45 min)')
  })

  test('says how little water was used, and how far somebody is', () => {
    expect(facts({ reason: 'little_water', used_m3: 0.004, hours: 12 }, 'water_low')).toContain('4 l in 12 h')
    expect(facts({ reason: 'left_fence', distance_m: 812 }, 'wandering')).toContain('812 m outside the fence')
    expect(facts({ reason: 'door_at_night' }, 'wandering')).toContain('the entrance door opened at night')
  })

  test('tells on its timeline that somebody moves again or is back', () => {
    const entry = (id: number, detail: Record<string, unknown>): TimelineEntry => ({ id, at: at(0), kind: 'signalled', actor: null, note: null, detail })
    const entries = [entry(1, { moved_again: at(0) }), entry(2, { returned: at(0) })]
    const text = mount(Timeline, { props: { entries }, global: { plugins: [i18n] } }).text()
    expect(text).toContain('Movement seen again, still to be checked')
    expect(text).toContain('Back within the fence, still to be checked')
  })
})
