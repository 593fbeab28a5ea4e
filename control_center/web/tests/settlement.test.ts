// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Settlement, SettlementBrief, SettlementLine } from '../src/contract/money'
import SettlementPage from '../src/pages/SettlementPage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at } from './cards'
import { Phone } from './phone'
import { outside, press, say, send } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/:rest(.*)*', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const ME = { id: 1, name: 'S' }
const OTHER = { id: 2, name: 'Liu' }

const brief = (changes: Partial<SettlementBrief> = {}): SettlementBrief => ({
  id: 9,
  district_code: '500109',
  provider: { id: 7, name: 'Jinyun' },
  month: '2026-10',
  state: 'draft',
  visits: 2,
  due_fen: 12_050,
  drafted_by: OTHER,
  approved_by: null,
  ...changes,
})

const line = (changes: Partial<SettlementLine> = {}): SettlementLine => ({
  entry_id: 31,
  kind: 'charge',
  at: at(-86_400),
  order_id: 5,
  served_at: at(-90_000),
  item_zh: '助浴',
  item_en: 'Bath',
  elder: 'W**',
  minutes: 61,
  category: 'aged_80',
  price_fen: 8000,
  subsidy_fen: 3000,
  elder_fen: 5000,
  provider_fen: 7050,
  reverses: null,
  note: null,
  ...changes,
})

const settlement = (changes: Partial<Settlement> = {}): Settlement => ({
  id: 9,
  district_code: '500109',
  provider: { id: 7, name: 'Jinyun' },
  month: '2026-10',
  state: 'draft',
  drafted_at: at(-3600),
  drafted_by: OTHER,
  approved_at: null,
  approved_by: null,
  paid_at: null,
  paid_by: null,
  payment_reference: null,
  totals: { visits: 2, price_fen: 16_000, subsidy_fen: 6000, elder_fen: 10_000, provider_fen: 12_050, adjustment_fen: 0, due_fen: 12_050 },
  lines: [line()],
  differences: [],
  ...changes,
})

let desk: Phone

async function open(row: SettlementBrief, detail?: Settlement): Promise<void> {
  desk.answers.set('GET /settlements?month=2026-10', { settlements: [row] })
  if (detail) desk.answers.set('GET /settlements/9', detail)
  await router.push('/settlement?month=2026-10')
  await desk.open(SettlementPage)
  await desk.tap('settlement')
}

beforeEach(async () => {
  desk = new Phone()
  desk.answers.set('POST /session', { account: { ...ME, username: 's', role: 'supervisor' }, organisation: null, server_time: at(0) })
  await signIn('s', 'secret')
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

describe('a month that nobody has drafted', () => {
  test('is on the list by its words and can be drafted', async () => {
    await open(brief({ id: null, state: null, drafted_by: null }))
    expect(desk.find('settlement').text()).toContain('Not drafted')
    desk.answers.set('POST /settlements', settlement())
    await desk.tap('settlement-draft')
    await desk.tap('settlement-draft-sure')
    expect(desk.sent('POST /settlements')).toEqual([{ district_code: '500109', provider_id: 7, month: '2026-10' }])
  })

  test('says why it cannot be drafted yet', async () => {
    await open(brief({ id: null, state: null }))
    desk.answers.set('POST /settlements', { status: 409, error: { code: 'books_open', message: 'The month is not over.' } })
    await desk.tap('settlement-draft')
    await desk.tap('settlement-draft-sure')
    expect(desk.find('settlement-undrafted').text()).toContain('The month is not over.')
  })
})

describe('a draft', () => {
  test('shows its totals and lines in yuan, and that it agrees with the orders', async () => {
    await open(brief(), settlement())
    expect(desk.find('due_fen').text()).toBe('CN¥120.50')
    expect(desk.find('settlement-line').text()).toContain('Bath · W** · 61 min')
    expect(desk.find('settlement-agrees').exists()).toBe(true)
    expect(desk.find('settlement-xlsx').attributes('href')).toBe('/api/settlements/9.xlsx')
  })

  test('is approved by somebody else after one more question', async () => {
    await open(brief(), settlement())
    await desk.tap('settlement-approve')
    expect(desk.sent('POST /settlements/9/approve')).toEqual([])
    desk.answers.set('POST /settlements/9/approve', settlement({ state: 'approved', approved_by: ME, approved_at: at(0) }))
    desk.answers.set('GET /settlements/9', settlement({ state: 'approved', approved_by: ME, approved_at: at(0) }))
    await desk.tap('settlement-approve-sure')
    expect(desk.sent('POST /settlements/9/approve')).toEqual([{}])
    expect(desk.find('settlement-detail').attributes('data-state')).toBe('approved')
    expect(desk.find('settlement-pay').exists()).toBe(true)
  })

  test('cannot be approved by who drafted it, and says so', async () => {
    await open(brief(), settlement({ drafted_by: ME }))
    expect(desk.find('settlement-approve').exists()).toBe(false)
    expect(desk.find('settlement-own').text()).toContain('another supervisor')
  })

  test('shows the refusal of the service beside the button', async () => {
    await open(brief(), settlement())
    desk.answers.set('POST /settlements/9/approve', { status: 409, error: { code: 'books_differ', message: 'Two visits differ.' } })
    await desk.tap('settlement-approve')
    await desk.tap('settlement-approve-sure')
    expect(desk.find('settlement-detail').text()).toContain('Two visits differ.')
    expect(desk.find('settlement-detail').attributes('data-state')).toBe('draft')
  })

  test('says in words whose fault a no-show was and why something was undone', async () => {
    const lines = [
      line({ entry_id: 40, kind: 'no_show', note: 'elder' }),
      line({ entry_id: 41, kind: 'reversal', note: 'was_there', reverses: 40 }),
      line({ entry_id: 42, kind: 'reversal', note: 'typed by hand', reverses: 39 }),
    ]
    await open(brief(), settlement({ lines }))
    const told = desk.all('settlement-line').map((row) => row.text())
    expect(told[0]).toContain("elder's side")
    expect(told[1]).toContain('She was there, without a network')
    expect(told[1]).not.toContain('was_there')
    expect(told[2]).toContain('typed by hand')
  })

  test('warns of visits that do not follow from their orders, side by side', async () => {
    const differences = [
      {
        kind: 'charge' as const,
        order_id: 5,
        told_price_fen: 8000,
        told_subsidy_fen: 0,
        told_provider_fen: 7000,
        booked_price_fen: null,
        booked_subsidy_fen: null,
        booked_provider_fen: null,
      },
    ]
    await open(brief(), settlement({ differences }))
    expect(desk.find('settlement-differences').attributes('role')).toBe('alert')
    expect(desk.find('difference').text()).toContain('told CN¥80, booked nothing')
    expect(desk.find('settlement-agrees').exists()).toBe(false)
  })
})

test('a payment is recorded with the bank’s reference', async () => {
  await open(brief({ state: 'approved' }), settlement({ state: 'approved', approved_by: OTHER, approved_at: at(0) }))
  await desk.tap('settlement-pay')
  await say(outside('paid-reference'), ' 20261105-77 ')
  desk.answers.set('POST /settlements/9/pay', settlement({ state: 'paid' }))
  await send('paid-form')
  expect(desk.sent('POST /settlements/9/pay')).toEqual([{ reference: '20261105-77' }])
})

describe('a correction', () => {
  test('goes out in fen with its reason and a name of its own, the same when sent again', async () => {
    await open(brief(), settlement())
    await desk.tap('line-adjust')
    await say(outside('adjustment-elder_fen'), '-10.50')
    await say(outside('adjustment-provider_fen'), '-10.5')
    await say(outside('adjustment-reason'), ' too short ')
    desk.answers.set('POST /orders/5/adjustments', { status: 409, error: { code: 'too_much', message: 'Too much.' } })
    await send('adjustment-form')
    expect(document.body.textContent).toContain('Too much.')
    desk.answers.set('POST /orders/5/adjustments', { entries: [] })
    await send('adjustment-form')
    const [first, again] = desk.sent('POST /orders/5/adjustments') as { key: string }[]
    expect(first).toEqual({ key: first?.key, elder_fen: -1050, subsidy_fen: 0, provider_fen: -1050, reason: 'too short' })
    expect(again).toEqual(first)
  })

  test('is not sent while an amount is none', async () => {
    await open(brief(), settlement())
    await desk.tap('line-adjust')
    await say(outside('adjustment-elder_fen'), 'ten')
    await send('adjustment-form')
    expect(desk.sent('POST /orders/5/adjustments')).toEqual([])
    expect(outside('adjustment-elder_fen')?.getAttribute('aria-invalid')).toBe('true')
  })

  test('can be undone once', async () => {
    const lines = [line({ entry_id: 40, kind: 'adjustment' }), line({ entry_id: 41, kind: 'adjustment' }), line({ entry_id: 42, kind: 'reversal', reverses: 40 })]
    await open(brief(), settlement({ lines }))
    expect(desk.all('line-reverse')).toHaveLength(1)
    await desk.tap('line-reverse')
    await say(outside('pool-reason-text'), 'mistake')
    desk.answers.set('POST /ledger/41/reverse', { entry_id: 43 })
    await send('pool-reason')
    expect(desk.sent('POST /ledger/41/reverse')).toEqual([{ reason: 'mistake' }])
  })
})

test('the trial balance says in words whether both sides come to the same', async () => {
  const account = { kind: 'provider', category: null, provider: { id: 7, name: 'Jinyun' }, accounts: 1, debit_fen: 0, credit_fen: 12_050, balance_fen: -12_050 }
  desk.answers.set('GET /districts/500109/trial-balance?month=2026-10', { month: '2026-10', accounts: [account], debit_fen: 12_050, credit_fen: 12_050 })
  await open(brief(), settlement())
  await press('trial-balance-open')
  await flushPromises()
  expect(desk.find('trial-balance').text()).toContain('Provider · Jinyun')
  expect(desk.find('trial-balance-sum').text()).toContain('Balanced')
})
