// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import WorkerPage from '../src/pages/WorkerPage.vue'
import { at, card, changed, elderBrief, offerCard, offerChanged, offerRemoved, orderCard, orderChanged, orderRemoved, removed, snapshot } from './cards'
import { Phone } from './phone'
import { hall, workDay, workPage } from './phoneCards'

const ALARM = { id: 9, kind: 'fall', severity: 'emergency' as const }
const ELDER = { ...elderBrief(5), name: 'Chen', address: 'Road 1', phone: '023-6825' }
const RESPONDER = { id: 1, name: 'W1', provider: 'P1', phone: null }
const visit = (state: 'accepted' | 'en_route' | 'checked_in' | 'in_service', id = 101) =>
  orderCard(id, { state, elder: ELDER, note: 'Knock', begun_at: at(-60), checked_in_at: at(-90) })

let phone: Phone
let here: { coords: object } | { code: number }

beforeEach(async () => {
  here = { coords: { latitude: 29.82, longitude: 106.42, accuracy: 14 } }
  vi.stubGlobal('isSecureContext', true)
  Object.defineProperty(navigator, 'geolocation', {
    configurable: true,
    value: {
      getCurrentPosition: (found: (position: object) => void, failed: (error: object) => void) =>
        'code' in here ? failed(here) : found(here),
    },
  })
  phone = new Phone()
  phone.answers.set('GET /work', workPage())
  phone.answers.set('GET /work/day', workDay())
  phone.answers.set('GET /hall', hall([]))
  await phone.open(WorkerPage)
})
afterEach(() => phone.close())

describe('a worker with nothing to do', () => {
  test('reads who she is, until when, that all is connected, and a kind word', async () => {
    await phone.tell(snapshot(1, []))
    expect(phone.find('who').text()).toBe('W1')
    expect(phone.page.text()).toContain('On shift until 18:00')
    expect(phone.find('link').text()).toBe('Connected')
    expect(phone.find('idle').text()).toContain('Nothing to do just now')
  })

  test('tells where she is while on shift', () => {
    expect(phone.sent('POST /work/position')).toEqual([{ lat: 29.82, lon: 106.42, accuracy_m: 14 }])
    expect(phone.find('position').text()).toBe('Position reported (± 14 m)')
  })

  test('does not tell where she is when off shift', async () => {
    phone.close()
    phone = new Phone()
    phone.answers.set('GET /work', workPage({ on_shift: false, provider_admitted: false }))
    await phone.open(WorkerPage)
    await phone.tell(snapshot(1, []))
    expect(phone.sent('POST /work/position')).toEqual([])
    expect(phone.find('position').exists()).toBe(false)
    expect(phone.page.text()).toContain('You are off shift')
    expect(phone.page.text()).toContain('Your provider gets no orders')
  })
})

describe('an offer', () => {
  beforeEach(async () => {
    await phone.tell(snapshot(1, []))
    await phone.tell(offerChanged(2, offerCard(7)))
  })

  test('says what, where roughly, how far, when, and how long is left', () => {
    const text = phone.find('offer').text()
    for (const part of ['Meal delivery', 'About 900 m, 5 min', '16:30 to 17:00']) expect(text).toContain(part)
    expect(phone.find('seconds').text()).toBe('60')
  })

  test('is accepted with one tap, and says so once the feed does', async () => {
    await phone.tap('accept')
    expect(phone.sent('POST /offers/7/accept')).toEqual([{}])
    expect(phone.find('accept').text()).toBe('Sending…')
    await phone.tell(offerRemoved(3, offerCard(7, { state: 'accepted' })))
    expect(phone.find('offer').exists()).toBe(false)
    expect(phone.find('notice').text()).toContain('Accepted')
  })

  test('is declined with a reason', async () => {
    await phone.tap('decline')
    await phone.tap('decline-reason', '[data-reason="too_far"]')
    expect(phone.sent('POST /offers/7/decline')).toEqual([{ reason: 'too_far' }])
  })

  test.each([
    ['expired', 'has expired'],
    ['withdrawn', 'somebody else goes'],
    ['lost', 'Somebody else has taken it'],
  ] as const)('that is %s leaves with a word about it', async (state, words) => {
    await phone.tell(offerRemoved(3, offerCard(7, { state })))
    expect(phone.find('offer').exists()).toBe(false)
    expect(phone.find('notice').text()).toContain(words)
  })

  test('answered too late is told in the server\'s words', async () => {
    phone.answers.set('POST /offers/7/accept', { status: 409, error: { code: 'offer_expired', message: 'Too late' } })
    await phone.tap('accept')
    expect(phone.find('notice', '.failure').text()).toContain('Too late')
    expect(phone.find('accept').text()).toBe('Accept')
  })

  test('that another took while the answer was under way is told of no more than once', async () => {
    const taken = { status: 409, error: { code: 'taken_by_another', message: 'Taken' } }
    phone.answers.set('POST /offers/7/accept', taken)
    await phone.tap('accept')
    await phone.tell(offerRemoved(3, offerCard(7, { state: 'withdrawn' })))
    await phone.tell(offerRemoved(4, offerCard(7, { state: 'lost' })))
    const told = phone.all('notice').map((notice) => notice.text())
    expect(told).toHaveLength(2)
    expect(told[0]).toContain('Taken')
    expect(told[1]).toContain('somebody else goes')
  })

  test('of an alarm stands first and cannot be taken for another', async () => {
    await phone.tell(offerChanged(3, offerCard(8, { order: null, alarm: ALARM })))
    const [first, second] = phone.all('offer')
    expect([first?.attributes('data-kind'), second?.attributes('data-kind')]).toEqual(['alarm', 'order'])
    expect(first?.classes()).toContain('alarm')
    expect(first?.text()).toContain('Emergency')
    expect(first?.text()).toContain('Fall')
  })
})

describe('a visit', () => {
  beforeEach(() => phone.tell(snapshot(1, [])))

  test('shows whom, where, the telephone, the way and the note', async () => {
    await phone.tell(orderChanged(2, visit('accepted')))
    const text = phone.find('visit').text()
    for (const part of ['Chen', '82', 'Road 1', 'Knock', 'The window opens in 30 min']) expect(text).toContain(part)
    expect(phone.find('call').attributes('href')).toBe('tel:023-6825')
    expect(phone.find('navigate').attributes('href')).toBe('geo:29.82,106.42?q=29.82,106.42(Road%201)')
  })

  test('goes on from step to step as the feed tells', async () => {
    await phone.tell(orderChanged(2, visit('accepted')))
    await phone.tap('next-step')
    expect(phone.sent('POST /orders/101/depart')).toEqual([{}])
    await phone.tell(orderChanged(3, visit('en_route'), 'departed'))
    await phone.tap('next-step', '[data-step="check_in"]')
    expect(phone.sent('POST /orders/101/check-in')).toEqual([{ lat: 29.82, lon: 106.42, accuracy_m: 14 }])
    await phone.tell(orderChanged(4, visit('checked_in'), 'checked_in'))
    await phone.tap('next-step', '[data-step="begin"]')
    expect(phone.sent('POST /orders/101/begin')).toEqual([{}])
    await phone.tell(orderChanged(5, visit('in_service'), 'begun'))
    await phone.tap('next-step', '[data-step="complete"]')
    await phone.page.find('textarea').setValue(' All well ')
    await phone.tap('complete-submit')
    const done = { lat: 29.82, lon: 106.42, accuracy_m: 14, note: 'All well', reason: null, elder_code: null }
    expect(phone.sent('POST /orders/101/complete')).toEqual([done])
  })

  test('takes no second tap while the first is under way', async () => {
    await phone.tell(orderChanged(2, visit('accepted')))
    await phone.tap('next-step')
    await phone.tap('next-step')
    expect(phone.sent('POST /orders/101/depart')).toHaveLength(1)
  })

  test('cannot be checked in to without a position, and says what to do', async () => {
    here = { code: 1 }
    await phone.tell(orderChanged(2, visit('en_route')))
    await phone.tap('next-step')
    expect(phone.sent('POST /orders/101/check-in')).toEqual([])
    expect(phone.find('attempt').text()).toContain('Allow it for this site')
  })

  test('that is too far away says how far, and why in the server\'s words', async () => {
    here = { coords: { latitude: 29.83, longitude: 106.42, accuracy: 20 } }
    phone.answers.set('POST /orders/101/check-in', { status: 409, error: { code: 'too_far', message: 'Too far off' } })
    await phone.tell(orderChanged(2, visit('en_route')))
    await phone.tap('next-step')
    expect(phone.find('attempt').text()).toContain('± 20 m, about 1.1 km')
    expect(phone.find('notice', '.failure').text()).toContain('Too far off')
    expect(phone.find('next-step').attributes('data-step')).toBe('check_in')
  })

  test('that cannot be done asks why', async () => {
    await phone.tell(orderChanged(2, visit('in_service')))
    await phone.tap('cannot')
    expect(phone.find('fail-submit').attributes('disabled')).toBeDefined()
    await phone.tap('fail-reason', '[data-reason="elder_absent"]')
    await phone.tap('fail-submit')
    expect(phone.sent('POST /orders/101/fail')).toEqual([{ reason: 'elder_absent', note: null }])
  })

  test('that was given to somebody else goes, with a word and without the elder', async () => {
    await phone.tell(orderChanged(2, visit('accepted')))
    await phone.tell(orderRemoved(3, 101))
    expect(phone.find('visit').exists()).toBe(false)
    expect(phone.find('notice').text()).toContain('“Meal delivery” was given to somebody else')
    expect(phone.page.text()).not.toContain('Chen')
  })
})

describe('an alarm that the worker goes to', () => {
  const alarm = card(9, {
    state: 'dispatched',
    elder: ELDER,
    address: 'Road 1',
    response: { state: 'found', due_at: null, responder: RESPONDER, offers_open: 0, offers_made: 1, turned_away: {}, nearest_miss: null },
  })

  test('stands above all, and is arrived at', async () => {
    await phone.tell(snapshot(1, [alarm], 'one', { orders: [visit('accepted')], offers: [offerCard(7)] }))
    const tiles = phone.page.findAll('article').map((tile) => tile.attributes('data-testid'))
    expect(tiles).toEqual(['response', 'offer', 'visit'])
    await phone.tap('arrived')
    expect(phone.sent('POST /alarms/9/arrive')).toEqual([{}])
    await phone.tell(changed(2, { ...alarm, state: 'on_scene' }, 'on_scene'))
    expect(phone.find('arrived').exists()).toBe(false)
    expect(phone.find('response').text()).toContain('Your arrival is noted')
  })

  test('says how to get in, and calls who has the key', async () => {
    const entry = { phone: null, door_note: 'Code 1357', key_holder: 'Wang', key_holder_phone: '13900000008' }
    await phone.tell(snapshot(1, [{ ...alarm, entry }]))
    for (const part of ['Code 1357', 'Wang has a key']) expect(phone.find('entry').text()).toContain(part)
    expect(phone.find('entry').findAll('a').map((link) => link.attributes('href'))).toEqual(['tel:13900000008'])
    const nothing = { phone: null, door_note: null, key_holder: null, key_holder_phone: null }
    await phone.tell(changed(2, { ...alarm, entry: nothing }, 'elder_changed'))
    expect(phone.find('entry').text()).toContain('Nothing is on file')
    expect(phone.find('entry').findAll('a')).toEqual([])
  })

  test('says that it has ended', async () => {
    await phone.tell(snapshot(1, [alarm]))
    await phone.tell(removed(2, 9))
    expect(phone.find('response').exists()).toBe(false)
    expect(phone.find('notice').text()).toContain('has ended')
  })
})

describe('the page', () => {
  test('fetches what is done anew when the feed tells of a change', async () => {
    vi.useFakeTimers()
    try {
      await phone.tell(snapshot(1, []))
      const done = orderCard(101, { state: 'completed', completed_at: at(-10) })
      phone.answers.set('GET /work', workPage({ done_today: [done] }))
      await phone.tell(orderRemoved(2, 101))
      await vi.advanceTimersByTimeAsync(400)
      await flushPromises()
      expect(phone.find('done').text()).toContain('Completed, 15:59')
    } finally {
      vi.useRealTimers()
    }
  })
})
