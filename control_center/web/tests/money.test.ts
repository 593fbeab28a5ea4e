import { describe, expect, test } from 'vitest'
import { fenOf, monthBefore, newKey, yuanText } from '../src/settlement/money'

describe('amounts', () => {
  test('yuan become whole fen without a float between', () => {
    expect([fenOf('12'), fenOf('12.5'), fenOf('0.29'), fenOf('-4.05'), fenOf(' 1.10 ')]).toEqual([1200, 1250, 29, -405, 110])
    expect([fenOf(''), fenOf('1.005'), fenOf('1,5'), fenOf('1e3'), fenOf('-')]).toEqual([null, null, null, null, null])
  })

  test('every fen survives the way to yuan and back', () => {
    for (let fen = -250; fen <= 250; fen += 1) expect(fenOf(yuanText(fen))).toBe(fen)
  })

  test('the month before January is December of the year before', () => {
    expect([monthBefore('2026-01'), monthBefore('2026-11')]).toEqual(['2025-12', '2026-10'])
  })

  test('no two corrections bear the same name', () => {
    expect(newKey()).toMatch(/^[0-9a-f]{24}$/)
    expect(newKey()).not.toBe(newKey())
  })
})
