// @vitest-environment happy-dom
import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import AlarmLimits from '../src/alarms/AlarmLimits.vue'
import type { ElderThresholds, Threshold } from '../src/contract/types'
import LimitsPanel from '../src/elders/LimitsPanel.vue'
import { standingLimits } from '../src/elders/limits'
import { i18n } from '../src/i18n'
import { learnServerTime } from '../src/time/clock'
import { at } from './cards'

const limit = (changes: Partial<Threshold> = {}): Threshold => ({
  vital: 'hr',
  severity: 'urgent',
  low: null,
  high: 120,
  note: null,
  care_level: null,
  valid_from: at(-3600),
  valid_to: null,
  set_by: 'W',
  ended_by: null,
  ...changes,
})
const limits = (own: Threshold[], of_care_level: Threshold[]): ElderThresholds => ({
  care_level: { level: 'severe', valid_from: at(-9000), valid_to: null, set_by: 'W' },
  own,
  of_care_level,
  usual: [{ vital: 'temp', low: 35.1, high: null, learned_at: at(-60) }],
  history: [],
  care_level_history: [],
})
const severe = { care_level: 'severe' as const }

const calls: { call: string; body: unknown }[] = []
let answer: ElderThresholds

beforeEach(() => {
  calls.length = 0
  answer = limits([limit({ note: 'atrial fibrillation' })], [limit({ ...severe, vital: 'spo2', low: 92, high: null })])
  learnServerTime(at(0))
  i18n.global.locale.value = 'en'
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    calls.push({ call: `${init.method} ${path}`, body: init.body ? JSON.parse(init.body as string) : undefined })
    return Promise.resolve(new Response(JSON.stringify(answer)))
  })
})
afterEach(() => vi.unstubAllGlobals())

async function opened() {
  const panel = mount(LimitsPanel, { props: { id: 7 }, global: { plugins: [i18n] } })
  await flushPromises()
  return panel
}

describe('the limits that hold for an elder', () => {
  test('are the own one in place of the care level’s, even where it says that there is none', () => {
    const none = limit({ high: null })
    expect(standingLimits(limits([none], [limit(severe)]))).toEqual([none])
  })

  test('are the care level’s for other vital signs and other severities', () => {
    const others = [limit({ ...severe, vital: 'spo2', low: 90 }), limit({ ...severe, severity: 'emergency', high: 140 })]
    expect(standingLimits(limits([limit()], others))).toEqual([limit(), ...others])
  })
})

describe('the panel', () => {
  test('shows each limit with where it comes from, who set it and why, and what is usual', async () => {
    const panel = await opened()
    const rows = panel.findAll('[data-testid="limit"]').map((row) => row.text())
    expect(rows).toHaveLength(2)
    for (const part of ['Heart rate', 'above 120', 'set for this elder', 'W, since', 'atrial fibrillation']) {
      expect(rows[0]).toContain(part)
    }
    expect(rows[1]).toContain('below 92')
    expect(rows[1]).toContain('set for the care level')
    expect(panel.text()).toContain('35.1')
    expect(panel.find<HTMLSelectElement>('[data-testid="care-level"]').element.value).toBe('severe')
  })

  test('sets a limit with what was entered, and nothing on the side left empty', async () => {
    const panel = await opened()
    await panel.find('[data-testid="limit-high"]').setValue('115.5')
    await panel.find('[data-testid="limit-form"]').trigger('submit')
    await flushPromises()
    expect(calls.at(-1)).toEqual({
      call: 'PUT /api/elders/7/thresholds/hr/urgent',
      body: { low: null, high: 115.5, note: null },
    })
    expect(panel.find<HTMLInputElement>('[data-testid="limit-high"]').element.value).toBe('')
  })

  test('enters a care level', async () => {
    const panel = await opened()
    await panel.find('[data-testid="care-level"]').setValue('mild')
    await flushPromises()
    expect(calls.at(-1)).toEqual({ call: 'PUT /api/elders/7/care-level', body: { level: 'mild' } })
  })
})

test('an alarm shows the limits that were crossed, by how much, and where each comes from', () => {
  const crossed = { vital: 'hr' as const, value: 128, low: 50, high: 120, severity: 'urgent' as const }
  const text = mount(AlarmLimits, {
    props: { limits: [{ ...crossed, source: 'elder' as const }, { ...crossed, source: 'baseline' as const }] },
    global: { plugins: [i18n] },
  }).text()
  for (const part of ['Heart rate 128', 'below 50 or above 120', 'Urgent', 'set for this elder', 'learnt from']) {
    expect(text).toContain(part)
  }
})
