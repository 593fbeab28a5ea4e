// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EMPTY_BOARD, applyFrame } from '../src/feed/board'
import { freshness } from '../src/feed/freshness'
import { commandOf } from '../src/keys/shortcuts'
import ConsolePage from '../src/pages/ConsolePage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { soundDemand } from '../src/sound/policy'
import { inOrder, isWaiting } from '../src/unrecorded/calls'
import { NOW, at, call, card, snapshot, tick, unrecorded } from './cards'
import { Phone } from './phone'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const taken = { acknowledged_at: at(-2), acknowledged_by: { id: 2, name: 'Wang' } }
const falling = call('f', { kind: 'fall', confirm_at: at(12) })

describe('a board without its database', () => {
  test('shows the whole list that it was told last, whatever else it knows', () => {
    const board = [unrecorded(call('a')), unrecorded(call('a', taken), call('b')), snapshot(5, [card(1)]), tick(5, true)].reduce(
      applyFrame,
      EMPTY_BOARD,
    )
    expect(board.unrecorded.map((one) => one.key)).toEqual(['a', 'b'])
    expect(applyFrame(board, unrecorded()).unrecorded).toEqual([])
    expect(applyFrame(EMPTY_BOARD, unrecorded())).toBe(EMPTY_BOARD)
  })

  test('says that the service has lost its database also before any snapshot', () => {
    const first = { link: 'connecting', serviceStale: true, hasData: false } as const
    expect(freshness({ ...first, silentMs: 2_000 })).toMatchObject({ stale: true, reason: 'service' })
    expect(freshness({ ...first, silentMs: 7_000 })).toMatchObject({ stale: true, reason: 'closed' })
  })
})

describe('a call that is not recorded', () => {
  test('waits until somebody has it, and as a fall until nobody can cancel it any more', () => {
    expect([call('a'), call('a', taken), falling].map((one) => isWaiting(one, NOW))).toEqual([true, false, false])
    expect(isWaiting(falling, NOW + 12_000)).toBe(true)
  })

  test('stands after those that are more urgent, and a test after all of them', () => {
    const calls = [
      call('test', { is_test: true }),
      call('taken', taken),
      call('leak', { severity: 'urgent' }),
      call('late', { received_at: at(-5) }),
      call('first'),
    ]
    expect(inOrder(calls, NOW).map((one) => one.key)).toEqual(['first', 'late', 'leak', 'taken', 'test'])
  })

  test('is heard as an alarm of its severity, before the warning that the screen is stale', () => {
    const heard = (...calls: Parameters<typeof inOrder>[0]) => soundDemand([], 'operator', true, { calls, now: NOW })?.pattern
    expect(heard(call('a'))).toBe('emergency')
    expect(heard(call('a', { severity: 'urgent' }))).toBe('urgent')
    for (const quiet of [call('a', taken), falling, call('a', { is_test: true })]) expect(heard(quiet)).toBe('stale')
  })

  test('grows louder for everybody when nobody answers, for nobody escalates it', () => {
    const at20 = { calls: [call('a')], now: NOW + 10_000 }
    expect(soundDemand([], 'operator', true, { ...at20, now: NOW })?.louder).toBe(false)
    expect(soundDemand([], 'operator', true, at20)?.louder).toBe(true)
    expect(soundDemand([card(1)], 'operator', true, { calls: [call('a', { is_test: true })], now: NOW + 60_000 })?.louder).toBe(false)
  })

  test('has a key of its own', () => {
    const press = { key: 'U', ctrl: false, alt: false, meta: false, typing: false, covered: false }
    expect(commandOf(press)).toBe('unrecorded')
    expect(commandOf({ ...press, typing: true })).toBeNull()
  })
})

describe('the console', () => {
  let desk: Phone

  beforeEach(async () => {
    desk = new Phone()
    desk.answers.set('POST /session', {
      account: { id: 1, username: 'o', name: 'O', role: 'operator' },
      organisation: null,
      seat: null,
      server_time: at(0),
    })
    await signIn('o', 'secret')
    await router.push('/')
    await desk.open(ConsolePage)
  })
  afterEach(() => {
    desk.close()
    forgetSession()
  })

  test('shows a call over everything else and takes it although the rest is stale', async () => {
    desk.answers.set('POST /unrecorded/B-1.k.7/acknowledge', { card: call('B-1.k.7', taken) })
    await desk.tell(snapshot(1, []))
    await desk.tell(tick(1, true))
    await desk.tell(unrecorded(call('B-1.k.7')))
    expect(desk.find('unrecorded').text()).toContain('NOT YET RECORDED')
    expect(desk.find('unrecorded-call').text()).toContain('Road 1')
    expect(desk.find('announce-emergency').text()).toContain('not yet recorded')
    expect(document.title).toContain('(1)')
    await desk.tap('unrecorded-take')
    expect(desk.sent('POST /unrecorded/B-1.k.7/acknowledge')).toEqual([{}])
    await desk.tell(unrecorded(call('B-1.k.7', taken)))
    expect(desk.find('unrecorded-taken').text()).toContain('Wang answered')
    expect(desk.find('unrecorded-take').exists()).toBe(false)
    await desk.tell(unrecorded())
    expect(desk.find('unrecorded').exists()).toBe(false)
  })

  test('goes to the call by its key and never takes it by that', async () => {
    await desk.tell(unrecorded(call('a'), call('b', { severity: 'urgent' })))
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'u' }))
    await flushPromises()
    expect(document.activeElement?.closest('[data-key]')?.getAttribute('data-key')).toBe('a')
    expect(desk.calls.filter(({ call: name }) => name.startsWith('POST /unrecorded'))).toEqual([])
  })

  test('says where a call has gone that was recorded while it was reached for', async () => {
    desk.answers.set('POST /unrecorded/a/acknowledge', { status: 404, error: { code: 'not_found', message: 'x' } })
    await desk.tell(unrecorded(call('a')))
    await desk.tap('unrecorded-take')
    expect(document.body.textContent).toContain('it is in the alarm queue now')
  })
})
