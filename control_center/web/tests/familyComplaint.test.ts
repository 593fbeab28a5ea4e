// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { OrderCard } from '../src/contract/types'
import FamilyPage from '../src/pages/FamilyPage.vue'
import { at, orderCard, snapshot } from './cards'
import { Phone } from './phone'
import { familyElder } from './phoneCards'

let phone: Phone

async function open(visit: Partial<OrderCard>): Promise<void> {
  phone.answers.set('GET /family', { elders: [familyElder(1, { visits: [orderCard(7, visit)] })], server_time: at(0) })
  await phone.open(FamilyPage)
  await phone.tell(snapshot(1, []))
}

async function fill(kind: string, words: string): Promise<void> {
  await phone.find('complain-kind').setValue(kind)
  await phone.find('complain-words').setValue(words)
}

beforeEach(() => {
  phone = new Phone()
})
afterEach(() => phone.close())

test.each([
  ['completed', 3600, true],
  ['confirmed', -3600, true],
  ['failed', -3600, true],
  ['accepted', -60, true],
  ['accepted', 3600, false],
  ['cancelled', -3600, false],
] as const)('a visit that is %s and whose window ends in %i s may be complained about: %s', async (state, seconds, may) => {
  await open({ state, window_to: at(seconds) })
  expect(phone.find('complain').exists()).toBe(may)
})

test('a relative says what she complains of in her own words', async () => {
  await open({ state: 'completed' })
  await phone.tap('complain')
  expect(phone.find('complain-submit').attributes('disabled')).toBeDefined()
  await fill('too_short', ' Ten minutes only. ')
  phone.answers.set('POST /orders/7/complaints', { complaint: {} })
  await phone.find('complain-form').trigger('submit')
  await phone.tell(snapshot(2, []))
  expect(phone.sent('POST /orders/7/complaints')).toEqual([{ kind: 'too_short', words: 'Ten minutes only.' }])
  expect(phone.find('complained').text()).toContain('waiting for a decision')
})

test('what she wrote stays when the complaint is refused', async () => {
  await open({ state: 'completed' })
  await phone.tap('complain')
  await fill('rude', 'Loud.')
  phone.answers.set('POST /orders/7/complaints', { status: 409, error: { code: 'too_late', message: 'Too late.' } })
  await phone.find('complain-form').trigger('submit')
  await phone.tell(snapshot(2, []))
  expect(phone.find('complained').exists()).toBe(false)
  expect((phone.find('complain-words').element as HTMLTextAreaElement).value).toBe('Loud.')
})
