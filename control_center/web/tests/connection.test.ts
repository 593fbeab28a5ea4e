import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Frame } from '../src/contract/types'
import { FeedConnection, type Position } from '../src/feed/connection'
import { snapshot, tick } from './cards'

class FakeSocket {
  static all: FakeSocket[] = []
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false

  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }

  close(): void {
    this.closed = true
  }

  send(frame: Frame | string): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) })
  }

  end(code: number): void {
    this.onclose?.({ code })
  }
}

let position: Position
let frames: Frame[]
let links: string[]
let connection: FeedConnection

const socket = () => FakeSocket.all.at(-1) as FakeSocket

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all = []
  position = { epoch: null, id: 0 }
  frames = []
  links = []
  connection = new FeedConnection(
    'ws://desk/ws/feed',
    { position: () => position, onFrame: (frame) => frames.push(frame), onLink: (link) => links.push(link) },
    () => 0.5,
  )
  connection.open()
})

afterEach(() => {
  connection.close()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the feed connection', () => {
  test('asks for a snapshot at first and hands frames on', () => {
    expect(socket().url).toBe('ws://desk/ws/feed')
    socket().send(snapshot(5, []))
    socket().send(tick(5))
    expect(frames.map((frame) => frame.type)).toEqual(['snapshot', 'tick'])
    expect(links).toEqual(['connecting', 'open'])
  })

  test('is not open before the server has answered', () => {
    expect(links).toEqual(['connecting'])
  })

  test('comes back by itself and says the epoch and id that it has seen', () => {
    socket().send(snapshot(5, []))
    position = { epoch: 'a b', id: 9 }
    socket().end(1006)
    expect(links.at(-1)).toBe('waiting')
    vi.advanceTimersByTime(500)
    expect(FakeSocket.all).toHaveLength(2)
    expect(socket().url).toBe('ws://desk/ws/feed?epoch=a%20b&id=9')
  })

  test('waits longer after each failure and shortly again after a success', () => {
    const waits = [350, 600, 1100]
    for (const wait of waits) {
      const before = FakeSocket.all.length
      socket().end(1006)
      vi.advanceTimersByTime(wait - 1)
      expect(FakeSocket.all).toHaveLength(before)
      vi.advanceTimersByTime(1)
      expect(FakeSocket.all).toHaveLength(before + 1)
    }
    socket().send(snapshot(5, []))
    socket().end(1006)
    vi.advanceTimersByTime(350)
    expect(FakeSocket.all).toHaveLength(waits.length + 2)
  })

  test('does not wait when told to hurry', () => {
    socket().end(1006)
    connection.hurry()
    expect(FakeSocket.all).toHaveLength(2)
    vi.advanceTimersByTime(20_000 / 2)
    expect(FakeSocket.all).toHaveLength(2)
  })

  test('gives up a socket that has fallen silent', () => {
    socket().send(snapshot(5, []))
    vi.advanceTimersByTime(11_000)
    expect(FakeSocket.all[0]?.closed).toBe(false)
    vi.advanceTimersByTime(2_000)
    expect(FakeSocket.all[0]?.closed).toBe(true)
    expect(FakeSocket.all).toHaveLength(2)
  })

  test('ignores what an abandoned socket still says', () => {
    const abandoned = socket()
    socket().send(snapshot(5, []))
    vi.advanceTimersByTime(13_000)
    abandoned.send(snapshot(6, []))
    abandoned.end(1006)
    expect(frames).toHaveLength(1)
    expect(FakeSocket.all).toHaveLength(2)
  })

  test('starts over from a snapshot after a frame that it cannot read', () => {
    socket().send(snapshot(5, []))
    position = { epoch: 'one', id: 5 }
    socket().send('{"type":')
    vi.advanceTimersByTime(500)
    expect(socket().url).toBe('ws://desk/ws/feed')
    socket().send(snapshot(8, []))
    socket().end(1006)
    vi.advanceTimersByTime(500)
    expect(socket().url).toContain('epoch=one')
  })

  test('stops for good when the session has ended or the role has no feed', () => {
    socket().end(4401)
    expect(links.at(-1)).toBe('signed_out')
    vi.advanceTimersByTime(60_000)
    expect(FakeSocket.all).toHaveLength(1)
    connection.open()
    socket().end(4403)
    expect(links.at(-1)).toBe('forbidden')
  })

  test('stays closed once closed', () => {
    connection.close()
    vi.advanceTimersByTime(60_000)
    expect(FakeSocket.all).toHaveLength(1)
    expect(links.at(-1)).toBe('idle')
  })
})
