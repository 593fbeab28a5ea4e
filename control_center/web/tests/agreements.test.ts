// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defineComponent, h } from 'vue'
import type { Schedule } from '../src/contract/agreements'
import AgreementsPanel from '../src/elders/AgreementsPanel.vue'
import { Phone } from './phone'

const Page = defineComponent({ setup: () => () => h(AgreementsPanel, { id: 3 }) })
const ITEM = { code: 'meal', version: 1, assist: 'meal', name_zh: '助餐', name_en: 'Meal', duration_minutes: 15, skills: [], window_minutes: 60 }

function schedule(changes: Partial<Schedule> = {}): Schedule {
  const day = { day: '2026-11-23', takes_place: '2026-11-23', outcome: 'away' as const, order_id: null }
  return {
    id: 7, plan_id: null, item: 'meal', weekdays: [1, 3], every_weeks: 2, first_day: '2026-11-23', last_day: null,
    from_time: '11:30:00', on_holidays: 'skip', note: null, paused_at: null, pause_reason: null, ended_at: null,
    days: [day], ...changes,
  }
}

let page: Phone

async function open(...schedules: Schedule[]): Promise<void> {
  page.answers.set('GET /catalogue', { items: [ITEM], skills: [] })
  page.answers.set('GET /elders/3/schedules', { schedules })
  page.answers.set('GET /elders/3/green-button', { item: null, for_home: false })
  await page.open(Page)
  const details = page.find('agreements').element as HTMLDetailsElement
  expect(page.calls).toEqual([])
  details.open = true
  await page.find('agreements').trigger('toggle')
  await flushPromises()
}

beforeEach(() => {
  page = new Phone()
})
afterEach(() => page.close())

test('what is agreed is read when somebody asks for it, and told with its last days', async () => {
  await open(schedule())
  for (const words of ['Meal', 'Mon', 'Wed', 'every 2 weeks', '11:30', '11-23 away']) {
    expect(page.find('schedule').text()).toContain(words)
  }
})

test('a schedule is ended only with a reason, and its orders only when that is said', async () => {
  await open(schedule())
  await page.tap('schedule-end')
  expect(page.sent('POST /schedules/7/end')).toEqual([])
  await page.find('schedule-reason').setValue('moved away')
  page.answers.set('POST /schedules/7/end', { schedules: [] })
  await page.find('schedule').find('form').trigger('submit')
  await flushPromises()
  expect(page.sent('POST /schedules/7/end')).toEqual([{ reason: 'moved away', orders_too: false }])
  expect(page.find('schedule').exists()).toBe(false)
})

test('one that is paused says why, and is resumed', async () => {
  await open(schedule({ paused_at: '2026-11-22T00:00:00Z', pause_reason: 'daughter' }))
  expect(page.find('schedule').text()).toContain('Paused: daughter')
  page.answers.set('POST /schedules/7/resume', { schedules: [schedule()] })
  await page.tap('schedule-resume')
  expect(page.find('schedule-pause').exists()).toBe(true)
})

test('meals on weekdays are two presses, and a refusal is shown', async () => {
  await open()
  page.answers.set('POST /elders/3/schedules', { error: { code: 'unknown_item', message: 'Not sold' }, status: 422 })
  await page.find('schedule-form').trigger('submit')
  await flushPromises()
  expect(page.sent('POST /elders/3/schedules')).toMatchObject([
    { item: 'meal', weekdays: [1, 2, 3, 4, 5], every_weeks: 1, from_time: '11:00', on_holidays: 'skip' },
  ])
  expect(page.find('agreements').text()).toContain('Not sold')
})

test('the green button brings what is chosen, or a call back', async () => {
  await open()
  page.answers.set('PUT /elders/3/green-button', { item: 'meal', for_home: true })
  await page.find('green-button').setValue('meal')
  await flushPromises()
  expect(page.sent('PUT /elders/3/green-button')).toEqual([{ item: 'meal', for_home: true }])
})
