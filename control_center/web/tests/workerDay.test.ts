// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from 'vitest'
import WorkerPage from '../src/pages/WorkerPage.vue'
import { at, elderBrief, orderCard, orderChanged, snapshot } from './cards'
import { Phone } from './phone'
import { hall, hallEntry, pickup, workDay, workPage } from './phoneCards'

const visit = (id: number, in_s: number | null = null) =>
  orderCard(id, { state: 'accepted', elder: elderBrief(5), planned_at: in_s === null ? null : at(in_s) })

let phone: Phone

/** The worker's page over a service with these answers, a day without kitchens and an empty hall where none are given. */
async function opened(answers: Record<string, unknown> = {}): Promise<void> {
  phone = new Phone()
  const usual = { 'GET /work': workPage(), 'GET /work/day': workDay(), 'GET /hall': hall([]) }
  for (const [call, answer] of Object.entries({ ...usual, ...answers })) phone.answers.set(call, answer)
  await phone.open(WorkerPage)
}

afterEach(() => phone.close())

describe('the day', () => {
  test('stands in the order of its plan, with when each visit begins', async () => {
    await opened()
    await phone.tell(snapshot(1, [], 'one', { orders: [visit(101, 5400), visit(102, 3600)] }))
    expect(phone.all('visit').map((tile) => tile.attributes('data-order'))).toEqual(['102', '101'])
    expect(phone.all('begins').map((line) => line.text())).toEqual(['Begin about 17:00', 'Begin about 17:30'])
  })

  test('says which kitchen the meals are fetched from, and when they leave it', async () => {
    await opened({ 'GET /work/day': workDay(pickup([101, 102])) })
    await phone.tell(snapshot(1, [], 'one', { orders: [visit(101, 1200), visit(102, 1800)] }))
    const tiles = phone.page.findAll('article').map((tile) => tile.attributes('data-testid'))
    expect(tiles).toEqual(['pickup', 'visit', 'visit'])
    for (const part of ['North kitchen', 'by 16:10', 'Meals: 2']) expect(phone.find('pickup').text()).toContain(part)
    expect(phone.find('pickup-navigate').attributes('href')).toBe('geo:29.83,106.43?q=29.83,106.43(North%20kitchen)')
    expect(phone.all('from-kitchen').map((line) => line.text())).toEqual(Array(2).fill('From North kitchen, leave there at 16:10'))
  })

  test('says that meals should have left already', async () => {
    await opened({ 'GET /work/day': workDay(pickup([101], { leave_at: at(-60) })) })
    await phone.tell(snapshot(1, [], 'one', { orders: [visit(101, 600)] }))
    expect(phone.find('pickup-leave').text()).toBe('They were to leave at 15:59: please hurry')
  })
})

describe('the hall', () => {
  const taken = { status: 409, error: { code: 'taken_by_another', message: 'Somebody was quicker' } }

  test('is not spoken of while it is empty', async () => {
    await opened()
    await phone.tell(snapshot(1, []))
    expect(phone.page.text()).not.toContain('quickest')
    expect(phone.find('idle').exists()).toBe(true)
  })

  test('says what, when she would begin, where roughly, how far, and how long it is there', async () => {
    await opened({ 'GET /hall': hall([hallEntry(201)]) })
    await phone.tell(snapshot(1, []))
    const words = phone.find('hall-order').text()
    for (const part of ['Meal delivery', '17:00 to 17:30', 'Begin about 17:05', 'Garden street', 'About 900 m, 5 min', 'another 10 min'])
      expect(words).toContain(part)
    expect(phone.find('hall-left').text()).toContain('3 more')
    expect(phone.find('idle').exists()).toBe(false)
  })

  test('gives an order with one tap, which then is one of her visits', async () => {
    await opened({ 'GET /hall': hall([hallEntry(101), hallEntry(202)]) })
    await phone.tell(snapshot(1, []))
    await phone.tap('hall-take')
    expect(phone.sent('POST /hall/101/take')).toEqual([{}])
    await phone.tell(orderChanged(2, visit(101)))
    expect(phone.all('hall-order').map((tile) => tile.attributes('data-order'))).toEqual(['202'])
    expect(phone.find('visit').attributes('data-order')).toBe('101')
    await phone.tap('hall-open')
    expect(document.activeElement?.id).toBe('hall')
  })

  test('says in the service\'s words that somebody was quicker, and is asked anew', async () => {
    vi.useFakeTimers()
    try {
      await opened({ 'GET /hall': hall([hallEntry(201)]), 'POST /hall/201/take': taken })
      await phone.tell(snapshot(1, []))
      await phone.tap('hall-take')
      expect(phone.find('notice', '.failure').text()).toContain('Somebody was quicker')
      phone.answers.set('GET /hall', hall([]))
      await vi.advanceTimersByTimeAsync(400)
      expect(phone.find('hall-order').exists()).toBe(false)
    } finally {
      vi.useRealTimers()
    }
  })

  test('gives nothing to whoever has taken as many as she may, and says so', async () => {
    await opened({ 'GET /hall': hall([hallEntry(201)], 0) })
    await phone.tell(snapshot(1, []))
    expect(phone.find('hall-take').attributes('disabled')).toBeDefined()
    expect(phone.find('hall-left').text()).toContain('as many as you may')
  })

  test('is asked every twenty seconds, and not while nobody looks', async () => {
    vi.useFakeTimers()
    try {
      await opened()
      const asked = () => phone.sent('GET /hall').length
      expect(asked()).toBe(1)
      await vi.advanceTimersByTimeAsync(20_400)
      expect(asked()).toBe(2)
      vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
      await vi.advanceTimersByTimeAsync(60_000)
      expect(asked()).toBe(2)
      vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('visible')
      document.dispatchEvent(new Event('visibilitychange'))
      await vi.advanceTimersByTimeAsync(400)
      expect(asked()).toBe(3)
    } finally {
      vi.restoreAllMocks()
      vi.useRealTimers()
    }
  })
})
