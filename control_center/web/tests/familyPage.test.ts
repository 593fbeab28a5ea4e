// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WELLBEINGS, type FamilyElder } from '../src/contract/types'
import FamilyPage from '../src/pages/FamilyPage.vue'
import { at, card, changed, orderCard, orderChanged, snapshot } from './cards'
import { Phone } from './phone'
import { familyAlarm, familyElder } from './phoneCards'

const WORKER = { id: 1, name: 'Li', provider: 'P1', phone: null }

let phone: Phone

async function open(...elders: FamilyElder[]): Promise<void> {
  phone.answers.set('GET /family', { elders, server_time: at(0) })
  await phone.open(FamilyPage)
  await phone.tell(snapshot(1, []))
}

beforeEach(() => {
  phone = new Phone()
})
afterEach(() => phone.close())

describe('how an elder is', () => {
  test.each(WELLBEINGS)('is told in words and a picture: %s', async (wellbeing) => {
    await open(familyElder(1, { wellbeing }))
    const tile = phone.find('wellbeing', `[data-wellbeing="${wellbeing}"]`)
    expect(tile.find('.title').text()).toMatch(/^[A-Z][\w ]+$/)
    expect(tile.find('.state svg').exists()).toBe(true)
  })

  test('comes with since when, the last sign and the telephone', async () => {
    await open(familyElder(1))
    const text = phone.find('wellbeing').text()
    for (const part of ['All is well', 'Since 14:00', 'Last sign: 4 min ago']) expect(text).toContain(part)
    expect(phone.find('call').attributes('href')).toBe('tel:023-6825')
  })

  test('is told for each of several', async () => {
    await open(familyElder(1), familyElder(2, { wellbeing: 'quiet', last_sign_at: null }))
    expect(phone.all('elder')).toHaveLength(2)
    expect(phone.all('elder')[1]?.text()).toContain('No sign from a device yet')
  })
})

test('a day without a service says so, and one whose service waits to be confirmed does not', async () => {
  await open(familyElder(1), familyElder(2, { visits: [orderCard(7, { state: 'completed', worker: WORKER })] }))
  const [none, done] = phone.all('elder').map((elder) => elder.text())
  expect(none).toContain('No service is planned for today')
  expect(done).toContain('No other service is planned for today')
})

describe('an open alarm', () => {
  test('tells its course, and who is on the way', async () => {
    const alarm = familyAlarm(9, { answered_at: at(-260), dispatched_at: at(-200), responder: 'Li' })
    await open(familyElder(1, { wellbeing: 'help_coming', alarms: [alarm] }))
    const lines = phone.find('open-alarm').findAll('li').map((line) => line.text().replace(/\s+/g, ' '))
    expect(lines).toEqual([
      '15:55 Alarm raised',
      '15:55 The control centre answered',
      '15:56 Li set out',
      'Now Li is on the way',
    ])
  })

  test('appears when the feed tells of it', async () => {
    vi.useFakeTimers()
    try {
      await open(familyElder(1))
      const alarms = [familyAlarm(9)]
      phone.answers.set('GET /family', { elders: [familyElder(1, { wellbeing: 'alarm', alarms })], server_time: at(0) })
      await phone.tell(changed(2, card(9)))
      await vi.advanceTimersByTimeAsync(400)
      await flushPromises()
      expect(phone.find('open-alarm').exists()).toBe(true)
      expect(phone.find('wellbeing').attributes('data-wellbeing')).toBe('alarm')
    } finally {
      vi.useRealTimers()
    }
  })

  test('that has ended is one of the last seven days, with its outcome', async () => {
    const alarms = [familyAlarm(9, { ended_at: at(-10), outcome: 'helped_by_phone' })]
    await open(familyElder(1, { alarms }))
    expect(phone.find('open-alarm').exists()).toBe(false)
    expect(phone.find('past-alarms').text()).toContain('Helped by phone')
  })
})

describe('a visit', () => {
  test('is told in words, with who comes and when', async () => {
    await open(familyElder(1, { visits: [orderCard(5, { state: 'accepted', worker: WORKER })] }))
    const text = phone.find('visit').text()
    for (const part of ['Meal delivery', 'Arranged', '16:30 to 17:00', 'Li (P1)']) expect(text).toContain(part)
  })

  test('changes with the feed, before the page has been fetched anew', async () => {
    await open(familyElder(1, { visits: [orderCard(5, { state: 'accepted', worker: WORKER })] }))
    await phone.tell(orderChanged(2, orderCard(5, { state: 'en_route', worker: WORKER }), 'departed'))
    expect(phone.find('visit').text()).toContain('The care worker is on the way')
  })

  test('that is done is confirmed, and thanks are said', async () => {
    const visit = orderCard(5, { state: 'completed', worker: WORKER })
    phone.answers.set('POST /orders/5/confirm', { card: { ...visit, state: 'confirmed' } })
    await open(familyElder(1, { visits: [visit] }))
    await phone.tap('confirm')
    expect(phone.sent('POST /orders/5/confirm')).toEqual([{}])
    expect(phone.find('confirm').exists()).toBe(false)
    expect(phone.find('visit').attributes('data-state')).toBe('confirmed')
    expect(phone.find('notice').text()).toContain('Thank you')
  })

  test('that could not be done says why', async () => {
    await open(familyElder(1, { visits: [orderCard(5, { state: 'failed', end_reason: 'elder_absent' })] }))
    expect(phone.find('visit').text()).toContain('Nobody was at home')
  })

  test('whose confirmation is refused stays, with the reason', async () => {
    phone.answers.set('POST /orders/5/confirm', { status: 409, error: { code: 'wrong_step', message: 'Not now' } })
    await open(familyElder(1, { visits: [orderCard(5, { state: 'completed' })] }))
    await phone.tap('confirm')
    expect(phone.find('confirm').exists()).toBe(true)
    expect(phone.find('notice').text()).toContain('Not now')
  })
})

test('a page that cannot be fetched says so', async () => {
  phone.answers.set('GET /family', { status: 503, error: { code: 'database_away', message: 'Later please' } })
  await phone.open(FamilyPage)
  expect(phone.page.find('[role="alert"]').text()).toBe('Later please')
})

test('the page says that its feed has fallen silent', async () => {
  vi.useFakeTimers()
  try {
    await open(familyElder(1))
    await vi.advanceTimersByTimeAsync(7_000)
    expect(phone.find('stale-banner').text()).toContain('The connection is lost')
  } finally {
    vi.useRealTimers()
  }
})
