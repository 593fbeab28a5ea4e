import { describe, expect, test } from 'vitest'
import { shelvedUntil } from '../src/alarms/shelving'

const at = (text: string) => Date.parse(`${text}+08:00`)

describe('how long an alarm is put aside', () => {
  test('is counted from now for minutes and hours', () => {
    expect(shelvedUntil('m30', at('2026-11-22T10:00'))).toEqual(new Date(at('2026-11-22T10:30')))
    expect(shelvedUntil('h4', at('2026-11-22T22:00'))).toEqual(new Date(at('2026-11-23T02:00')))
  })

  test('ends at eight in the district’s morning, today before it and tomorrow after it', () => {
    expect(shelvedUntil('morning', at('2026-11-22T03:00'))).toEqual(new Date(at('2026-11-22T08:00')))
    expect(shelvedUntil('morning', at('2026-11-22T08:00'))).toEqual(new Date(at('2026-11-23T08:00')))
    expect(shelvedUntil('morning', at('2026-11-22T23:59'))).toEqual(new Date(at('2026-11-23T08:00')))
  })
})
