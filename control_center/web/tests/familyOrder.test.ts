// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FamilyOffer, ProposedItem } from '../src/contract/hotline'
import FamilyPage from '../src/pages/FamilyPage.vue'
import type { OrderCard } from '../src/contract/types'
import { at, orderCard, snapshot } from './cards'
import { Phone } from './phone'
import { familyElder } from './phoneCards'

const MEAL: ProposedItem = {
  code: 'meal', assist: 'meal', name_zh: '助餐', name_en: 'Meal', fee: 'low_fee', duration_minutes: 15, times: 2,
  price_fen: 1200, subsidy_fen: 700, elder_fen: 500, windows: [{ begins: at(3600), ends: at(7200) }], as_last_time: false,
}

let phone: Phone
const outside = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)

async function tap(id: string): Promise<void> {
  outside(id)?.click()
  await flushPromises()
}

async function open(offer: Partial<FamilyOffer>, visits: OrderCard[] = []): Promise<void> {
  phone.answers.set('GET /family', { elders: [familyElder(1, { visits })], server_time: at(0) })
  phone.answers.set('GET /family/elders/1/offer', { items: [MEAL], orders: [], server_time: at(0), ...offer })
  await phone.open(FamilyPage)
  await phone.tell(snapshot(1, []))
}

beforeEach(() => {
  phone = new Phone()
})
afterEach(() => {
  phone.close()
  document.body.innerHTML = ''
})

describe('a relative', () => {
  test('orders with the price in sight, after a summary', async () => {
    await open({})
    await tap('order-service')
    expect(outside('family-item-meal')?.textContent).toMatch(/You pay CN¥5.*CN¥12 less CN¥7/s)
    await tap('family-item-meal')
    await tap('family-window-1')
    expect(phone.sent('POST /family/elders/1/orders')).toEqual([])
    phone.answers.set('POST /family/elders/1/orders', { card: orderCard(8, { state: 'requested' }) })
    await tap('family-order-submit')
    expect(phone.sent('POST /family/elders/1/orders')).toEqual([
      { item: 'meal', window_from: at(3600), window_to: at(7200) },
    ])
    expect(outside('family-item-meal')).not.toBeNull()
  })

  test('is told that nothing can be ordered for somebody who is away', async () => {
    await open({ items: [] })
    await tap('order-service')
    expect(outside('family-order')?.textContent).toContain('registered as away')
  })

  test('calls a visit off only after being asked again', async () => {
    await open({}, [orderCard(7, { state: 'accepted' })])
    await tap('cancel-visit')
    expect(phone.sent('POST /family/orders/7/cancel')).toEqual([])
    phone.answers.set('POST /family/orders/7/cancel', { card: orderCard(7, { state: 'cancelled' }) })
    await tap('cancel-visit-sure')
    expect(phone.sent('POST /family/orders/7/cancel')).toEqual([{}])
    expect(phone.find('visit').attributes('data-state')).toBe('cancelled')
  })

  test('cannot call off a visit that is on its way', async () => {
    await open({}, [orderCard(7, { state: 'en_route' })])
    expect(outside('cancel-visit')).toBeNull()
  })
})
