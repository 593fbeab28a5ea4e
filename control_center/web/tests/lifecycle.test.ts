// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AlarmCard } from '../src/contract/types'
import ConsolePage from '../src/pages/ConsolePage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at, card, changed, snapshot } from './cards'
import { Phone } from './phone'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
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

async function show(alarm: AlarmCard): Promise<void> {
  desk.answers.set('GET /alarms/5', { card: alarm, timeline: [], offers: [] })
  desk.answers.set('POST /session', {
    account: { id: 1, username: 'o', name: 'O', role: 'operator' },
    organisation: null,
    seat: { id: 3, name: 'Desk 3', org: { code: '500109', name: 'Beibei' } },
    server_time: at(0),
  })
  await signIn('o', 'secret')
  await router.push('/?alarm=5')
  await desk.open(ConsolePage)
  await desk.tell(snapshot(1, [alarm]))
}

beforeEach(() => {
  desk = new Phone()
})

afterEach(() => {
  desk.close()
  forgetSession()
})

describe('an alarm on the console', () => {
  test('is claimed with one press, and another seat’s claim is shown with its name', async () => {
    await show(card(5))
    await desk.tap('claim')
    expect(desk.sent('POST /alarms/5/claim')).toEqual([{}])
    const claim = { by: { id: 9, name: 'Wang' }, seat: 'Desk 2', until: at(25) }
    await desk.tell(changed(2, card(5, { claim }), 'claimed'))
    expect(desk.find('claim-mark').text()).toBe('Wang at Desk 2 deals with it')
    expect(desk.find('claim').exists()).toBe(false)
    expect(desk.find('acknowledge').attributes('disabled')).toBeUndefined()
  })

  test('is put aside with a reason, until a time', async () => {
    await show(card(5, { severity: 'urgent' }))
    await desk.tap('shelve-open')
    expect((outside('shelve-submit') as HTMLButtonElement).disabled).toBe(true)
    await choose('shelve-reason-engineer_coming')
    await press('shelve-submit')
    expect(desk.sent('POST /alarms/5/shelve')).toEqual([
      { reason: 'engineer_coming', until: '2026-11-22T09:00:00.000Z', note: null },
    ])
  })

  test('that is put aside says until when and can be taken up again', async () => {
    await show(card(5, { state: 'shelved', shelved: { reason: 'known_fault', until: at(3600) } }))
    expect(desk.find('alarm-detail').text()).toContain('Known fault')
    expect(desk.find('acknowledge').text()).toContain('Take up again')
    expect(desk.find('claim').exists()).toBe(false)
  })

  test('that was a false alarm is resolved only with its cause', async () => {
    await show(card(5, { state: 'acknowledged' }))
    await desk.tap('resolve-open')
    await choose('resolve-outcome-false_alarm')
    expect((outside('resolve-submit') as HTMLButtonElement).disabled).toBe(true)
    await choose('resolve-cause-pressed_by_mistake')
    await press('resolve-submit')
    expect(desk.sent('POST /alarms/5/resolve')).toEqual([
      { outcome: 'false_alarm', cause: 'pressed_by_mistake', note: null },
    ])
  })

  test('of a building says how many homes it concerns', async () => {
    await show(card(5, { kind: 'smoke', group: { id: 1, kind: 'building', place: 'Road 1', incidents: 3 } }))
    expect(desk.find('group-mark').text()).toBe('Same building: 3')
  })
})
