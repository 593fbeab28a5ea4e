// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Certificate, PoolWorker, ProviderDetail, ProviderRow } from '../src/contract/pool'
import ProvidersPage from '../src/pages/ProvidersPage.vue'
import { forgetSession, signIn } from '../src/session/session'
import { at } from './cards'
import { Phone } from './phone'
import { UNIT, outside, press, say, send } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/:rest(.*)*', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const paper = (changes: Partial<Certificate>): Certificate => ({
  id: 1,
  skill: 'bathing',
  number: 'B-1',
  issuer: null,
  valid_from: '2025-01-01',
  valid_to: '2027-01-01',
  checked_by: 'Liu',
  standing: 'good',
  revoked_reason: null,
  ...changes,
})

const row = (changes: Partial<ProviderRow> = {}): ProviderRow => ({
  id: 7,
  name: 'Jinyun',
  state: 'admitted',
  state_since: at(0),
  state_reason: null,
  suspended_until: null,
  areas: [UNIT],
  workers: 1,
  papers_ending: 2,
  score: 86,
  contact_name: null,
  contact_phone: null,
  may_decide: true,
  ...changes,
})

const worker: PoolWorker = {
  id: 3,
  name: 'Qian',
  sex: 'female',
  kind: 'station',
  travel: 'scooter',
  phone: null,
  certificates: [paper({}), paper({ id: 2, skill: 'lifting', standing: 'ended', valid_to: '2026-01-01' })],
  on_leave: false,
  left_at: null,
}

const detail = (changes: Partial<ProviderDetail> = {}): ProviderDetail => ({
  card: row(),
  address: null,
  orders_a_day: null,
  orders_at_once: null,
  every_service: true,
  services: [],
  documents: [],
  workers: [worker],
  history: [],
  changed: null,
  ...changes,
})

let desk: Phone

async function open(role: 'supervisor' | 'operator', card = row()): Promise<void> {
  desk.answers.set('POST /session', { account: { id: 1, username: 's', name: 'S', role }, organisation: null, server_time: at(0) })
  desk.answers.set('GET /providers?', { providers: [card] })
  desk.answers.set('GET /providers/7', detail({ card }))
  await signIn('s', 'secret')
  await desk.open(ProvidersPage)
  await desk.find('provider').trigger('click')
  await flushPromises()
}

beforeEach(() => {
  desk = new Phone()
  desk.answers.set('GET /catalogue', { items: [], skills: ['bathing', 'lifting'] })
  desk.answers.set('GET /units', { units: [UNIT] })
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

test('the list says where a provider stands and what ends soon', async () => {
  await open('operator')
  expect(desk.find('provider').text()).toContain('Admitted')
  expect(desk.find('provider').text()).toContain('2 papers end soon')
})

test('how a certificate stands is said by sign and words, not by colour alone', async () => {
  await open('operator')
  const marks = desk.page.findAll('[data-testid="paper"]').map((mark) => mark.text().replace(/\s+/g, ' '))
  expect(marks[0]).toMatch(/^✓ ?.*valid/)
  expect(marks[1]).toMatch(/^✕ ?.*ended/)
})

test('only who may decide gets buttons, and those alone that the state allows', async () => {
  await open('operator', row({ may_decide: false }))
  expect(desk.page.find('[data-testid^="provider-to-"]').exists()).toBe(false)
  desk.close()
  document.body.replaceChildren()
  forgetSession()
  desk = new Phone()
  desk.answers.set('GET /catalogue', { items: [], skills: [] })
  desk.answers.set('GET /units', { units: [UNIT] })
  await open('supervisor', row({ state: 'suspended' }))
  const offered = desk.page.findAll('[data-testid^="provider-to-"]').map((one) => one.attributes('data-testid'))
  expect(offered).toEqual(['provider-to-admitted', 'provider-to-exited'])
})

test('a suspension takes its reason along and says how much it changed', async () => {
  await open('supervisor')
  desk.answers.set('POST /providers/7/decisions', detail({ card: row({ state: 'suspended', state_reason: 'checked' }), changed: 3 }))
  await press('provider-to-suspended')
  await say(outside('decision-reason'), ' checked ')
  await send('decision-form')
  expect(desk.calls.find(({ call }) => call === 'POST /providers/7/decisions')?.body).toEqual({ to: 'suspended', reason: 'checked', until: null })
  expect(desk.find('provider-detail').attributes('data-state')).toBe('suspended')
  expect(desk.find('provider-changed').text()).toContain('3 orders')
})

test('a refusal stays in the form, with the reason that was written', async () => {
  await open('supervisor', row({ state: 'applied' }))
  desk.answers.set('POST /providers/7/decisions', { status: 409, error: { code: 'licence_missing', message: 'No licence on file.' } })
  await press('provider-to-admitted')
  await say(outside('decision-reason'), 'ok')
  await send('decision-form')
  expect(document.body.textContent).toContain('No licence on file.')
  expect(desk.find('provider-detail').attributes('data-state')).toBe('applied')
})
