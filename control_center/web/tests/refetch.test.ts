import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Refetch } from '../src/phone/refetch'

let asked = 0
let answer: () => Promise<boolean>
let keeper: Refetch

beforeEach(() => {
  vi.useFakeTimers()
  asked = 0
  answer = () => Promise.resolve(true)
  keeper = new Refetch(() => {
    asked += 1
    return answer()
  })
})
afterEach(() => {
  keeper.stop()
  vi.useRealTimers()
})

test('a page is fetched at once and then every minute', async () => {
  keeper.start()
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toBe(1)
  await vi.advanceTimersByTimeAsync(60_300)
  expect(asked).toBe(2)
})

test('a page that says so is fetched more often', async () => {
  keeper = new Refetch(() => {
    asked += 1
    return answer()
  }, 20_000)
  keeper.start()
  await vi.advanceTimersByTimeAsync(40_400)
  expect(asked).toBe(3)
})

test('a burst of news fetches once', async () => {
  for (let news = 0; news < 20; news += 1) keeper.soon()
  await vi.advanceTimersByTimeAsync(1000)
  expect(asked).toBe(1)
})

test('news that comes while an answer is awaited fetches once more', async () => {
  let arrive: (succeeded: boolean) => void = () => undefined
  answer = () => new Promise((resolve) => (arrive = resolve))
  keeper.soon()
  await vi.advanceTimersByTimeAsync(300)
  keeper.soon()
  keeper.soon()
  await vi.advanceTimersByTimeAsync(300)
  expect(asked).toBe(1)
  answer = () => Promise.resolve(true)
  arrive(true)
  await vi.advanceTimersByTimeAsync(1000)
  expect(asked).toBe(2)
})

test('a failure is tried again after five seconds', async () => {
  answer = () => Promise.resolve(false)
  keeper.start()
  await vi.advanceTimersByTimeAsync(4_999)
  expect(asked).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(asked).toBe(2)
})

test('a page that was left fetches no more', async () => {
  answer = () => Promise.resolve(false)
  keeper.start()
  keeper.soon()
  keeper.stop()
  await vi.advanceTimersByTimeAsync(120_000)
  expect(asked).toBe(1)
})
