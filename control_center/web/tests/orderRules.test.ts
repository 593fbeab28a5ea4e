import { expect, test } from 'vitest'
import { PATTERNS } from '../src/contract/fraud'
import en from '../src/messages/en.json'
import { candidateRows, mayBeNamed } from '../src/orders/candidates'
import { forecastOf } from '../src/orders/forecast'
import { mayComplain, mayRate } from '../src/orders/voice'
import { shownBy } from '../src/tasks/evidence'
import { NOW, at, orderCard, visitProof } from './cards'
import { CANDIDATES, ZHOU, accepted } from './deskCards'

test('a forecast misses a window by whole minutes, at least one', () => {
  expect(forecastOf(accepted({ predicted_at: at(3700), risk: 'late' }))).toEqual({ risk: 'late', beginsAt: at(3700), lateMinutes: 2 })
  expect(forecastOf(accepted({ predicted_at: at(3601), risk: 'late' }))?.lateMinutes).toBe(1)
  expect(forecastOf(accepted({ predicted_at: at(3600), risk: 'tight' }))?.lateMinutes).toBe(0)
  expect(forecastOf(accepted({ predicted_at: at(3661), risk: null }))).toBeNull()
  expect(forecastOf(accepted())).toBeNull()
})

test('a worker named by hand may miss what staff can set aside, and nothing else', () => {
  const rows = candidateRows(CANDIDATES, ZHOU.id)
  expect(rows.map((row) => [row.name, mayBeNamed(row)])).toEqual([
    ['Sun', true],
    ['Zhou', false],
    ['Li', true],
    ['Wu', false],
    [null, false],
  ])
  expect(rows[2]?.setAside).toEqual(['shift', 'area'])
  expect([rows[3]?.standing, rows[3]?.setAside]).toEqual([['excluded'], ['shift']])
})

const rating = { stars: 4, words: null, side: 'elder' as const, at: at(-5) }

test('staff write down one rating, of a visit that took place', () => {
  expect(mayRate(accepted({ state: 'completed' }))).toBe(true)
  expect(mayRate(accepted({ state: 'completed', proof: visitProof({ rating }) }))).toBe(false)
  expect(mayRate(accepted({ state: 'failed' }))).toBe(false)
})

test('staff take a complaint about whoever had the visit, or about nobody having come', () => {
  expect(mayComplain(accepted(), NOW)).toBe(true)
  expect(mayComplain(orderCard(1), NOW)).toBe(false)
  expect(mayComplain(orderCard(1, { window_to: at(-1) }), NOW)).toBe(true)
  expect(mayComplain(accepted({ lead_id: 1 }), NOW)).toBe(false)
})

test('there are words for every pattern of fraud and for whatever it shows', () => {
  const evidence = { photos: [{ photo: 1, earlier_photo: 2, earlier_order: 3, same_file: false, bits_apart: 2 }] }
  for (const pattern of PATTERNS) {
    expect(en.fraud.pattern[pattern]).toBeTruthy()
    const shown = shownBy({ pattern, evidence })
    expect(shown.length).toBeGreaterThan(0)
    for (const { key } of shown) expect(Object.keys(en.fraud.shown)).toContain(key.split('.').at(-1))
  }
  expect(shownBy({ pattern: 'same_photo', evidence })[0]?.numbers).toEqual({ photo: 1, earlier: 2, order: 3, bits: 2 })
  expect(shownBy({ pattern: 'impossible_travel', evidence: { from_order: 30, kmh: null } })[0]?.key).toBe('fraud.shown.travelAtOnce')
})
