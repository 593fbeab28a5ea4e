import { describe, expect, test } from 'vitest'
import { EMPTY_BOARD, applyFrame, versionOf, type Board } from '../src/feed/board'
import type { Frame } from '../src/contract/types'
import {
  card,
  changed,
  offerCard,
  offerChanged,
  offerRemoved,
  orderCard,
  orderChanged,
  orderRemoved,
  removed,
  snapshot,
  tick,
} from './cards'

function after(...frames: Frame[]): Board {
  return frames.reduce(applyFrame, EMPTY_BOARD)
}

const ids = (board: Board) => [...board.alarm.cards.keys()]

describe('a board', () => {
  test('is the snapshot plus the events that follow it', () => {
    const answered = card(1, { state: 'acknowledged' })
    const board = after(snapshot(10, [card(1), card(2)]), changed(11, card(3)), changed(12, answered), removed(13, 2))
    const direct = after(snapshot(13, [answered, card(3)]))
    expect(new Map(board.alarm.cards)).toEqual(new Map(direct.alarm.cards))
    expect(board.lastId).toBe(13)
  })

  test('ignores an event that it has seen already', () => {
    const board = after(snapshot(10, []), changed(11, card(1, { signal_count: 2 })))
    expect(applyFrame(board, changed(11, card(1)))).toBe(board)
  })

  test('ignores an event older than what it knows of that alarm', () => {
    const board = after(snapshot(10, []), changed(15, card(1, { state: 'acknowledged' })))
    expect(applyFrame(board, changed(12, card(1)))).toBe(board)
  })

  test('ignores an event that the snapshot already contains', () => {
    const board = after(snapshot(10, [card(1, { state: 'acknowledged' })]))
    expect(applyFrame(board, changed(10, card(1)))).toBe(board)
  })

  test('takes an event of one alarm although a later event of another came first', () => {
    const board = after(snapshot(10, []), changed(12, card(2)), changed(11, card(1)))
    expect(ids(board)).toEqual([2, 1])
    expect(board.lastId).toBe(12)
  })

  test('does not let an old event bring a removed alarm back', () => {
    const board = after(snapshot(10, [card(1)]), removed(12, 1), changed(11, card(1)))
    expect(ids(board)).toEqual([])
  })

  test('takes an alarm back that was raised again after it had left', () => {
    const board = after(snapshot(10, [card(1)]), removed(11, 1), changed(12, card(1)))
    expect(ids(board)).toEqual([1])
    expect(board.alarm.departed.size).toBe(0)
  })

  test('keeps the final card of an alarm that has ended', () => {
    const final = card(1, { state: 'resolved', outcome: 'false_alarm' })
    const board = after(snapshot(10, [card(1)]), removed(11, 1, final))
    expect(board.alarm.departed.get(1)).toEqual({ card: final, reason: 'ended' })
  })

  test('starts over when the epoch changes, even when the new ids are lower', () => {
    const board = after(snapshot(500, [card(1), card(2)]), removed(501, 2), snapshot(3, [card(9)], 'two'))
    expect(ids(board)).toEqual([9])
    expect(board).toMatchObject({ epoch: 'two', lastId: 3, snapshotId: 3 })
    expect(board.alarm.departed.size).toBe(0)
    expect(ids(applyFrame(board, changed(4, card(1))))).toEqual([9, 1])
  })

  test('replaces everything by a second snapshot of the same epoch', () => {
    const board = after(snapshot(10, [card(1), card(2)]), snapshot(20, [card(2), card(3)]))
    expect(ids(board)).toEqual([2, 3])
    expect(board.alarm.departed.get(1)?.reason).toBe('unseen')
  })

  test('ignores events that come before any snapshot', () => {
    expect(applyFrame(EMPTY_BOARD, changed(1, card(1)))).toBe(EMPTY_BOARD)
  })

  test('does not continue from a tick, whose id may run ahead of cards on their way', () => {
    const board = after(snapshot(10, []), tick(14), changed(12, card(1)))
    expect(ids(board)).toEqual([1])
    expect(board.lastId).toBe(12)
  })

  test('takes live numbers and the service being stale from a tick', () => {
    const board = after(snapshot(10, []), tick(10, true))
    expect(board.live).toEqual({ devices_online: 9, devices_total: 10 })
    expect(board.serviceStale).toBe(true)
    expect(applyFrame(board, tick(10)).serviceStale).toBe(false)
  })

  test('continues from the id of a resumption in its own epoch only', () => {
    const board = after(snapshot(10, []))
    expect(applyFrame(board, { type: 'resumed', epoch: 'one', id: 14, server_time: '' }).lastId).toBe(14)
    expect(applyFrame(board, { type: 'resumed', epoch: 'two', id: 14, server_time: '' })).toBe(board)
  })

  test('remembers the event that last changed each alarm', () => {
    const board = after(snapshot(10, [card(1)]), changed(11, card(2)))
    expect([1, 2, 3].map((id) => versionOf(board, 'alarm', id))).toEqual([10, 11, 0])
  })
})

describe('a board of alarms, orders and offers', () => {
  const subjects = ['alarm', 'order', 'offer'] as const
  const picture = (board: Board) => subjects.map((subject) => [...board[subject].cards.values()])

  test('is the snapshot plus the events that follow it, for each of them', () => {
    const taken = orderCard(1, { state: 'accepted' })
    const board = after(
      snapshot(10, [card(1)], 'one', { orders: [orderCard(1), orderCard(2)], offers: [offerCard(1)] }),
      orderChanged(11, taken, 'accepted'),
      offerRemoved(12, offerCard(1, { state: 'accepted' })),
      offerChanged(13, offerCard(2)),
      orderRemoved(14, 2),
      changed(15, card(2)),
    )
    const direct = after(snapshot(15, [card(1), card(2)], 'one', { orders: [taken], offers: [offerCard(2)] }))
    expect(picture(board)).toEqual(picture(direct))
    expect(board.lastId).toBe(15)
  })

  test('keeps one number of two subjects apart', () => {
    const board = after(snapshot(10, [card(1)], 'one', { orders: [orderCard(1)] }), orderRemoved(12, 1), changed(11, card(1)))
    expect(ids(board)).toEqual([1])
    expect(board.order.cards.size).toBe(0)
    expect(subjects.map((subject) => versionOf(board, subject, 1))).toEqual([11, 12, 0])
  })

  test('does not let an old event bring a removed order back', () => {
    const board = after(snapshot(10, [], 'one', { orders: [orderCard(1)] }), orderRemoved(12, 1))
    expect(applyFrame(board, orderChanged(11, orderCard(1)))).toBe(board)
    expect(board.order.departed.get(1)).toEqual({ card: null, reason: 'out_of_scope' })
  })

  test('keeps the final card of an offer, so that the phone can say why it has gone', () => {
    const lost = offerCard(1, { state: 'withdrawn' })
    const board = after(snapshot(10, [], 'one', { offers: [offerCard(1)] }), offerRemoved(11, lost))
    expect(board.offer.departed.get(1)).toEqual({ card: lost, reason: 'ended' })
  })

  test('leaves the other shelves untouched by a change of one', () => {
    const before = after(snapshot(10, [card(1)], 'one', { orders: [orderCard(1)] }))
    const board = applyFrame(before, changed(11, card(2)))
    expect([board.order, board.offer]).toEqual([before.order, before.offer])
    expect(board.order).toBe(before.order)
  })
})
