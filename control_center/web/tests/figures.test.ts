import { expect, test } from 'vitest'
import { figureWords } from '../src/dispatching/figures'

test('figures of a plan that are not there are not spoken of', () => {
  expect(figureWords({})).toEqual([])
  expect(figureWords({ lateness: 120, greatest_lateness: 90 })).toEqual([{ key: 'lateness', values: { minutes: 2, greatest: 2 } }])
})
