import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { bytesOf } from '../src/reach/push'

describe('the service worker of Web Push', () => {
  const listeners = new Map<string, (event: unknown) => void>()
  const showNotification = vi.fn(() => Promise.resolve())
  const ask = vi.fn(() => Promise.resolve())
  const openWindow = vi.fn(() => Promise.resolve())

  async function hear(name: string, event: object): Promise<void> {
    let done: Promise<unknown> = Promise.resolve()
    listeners.get(name)?.({ ...event, waitUntil: (work: Promise<unknown>) => (done = work) })
    await done
  }

  beforeEach(() => {
    const worker = {
      addEventListener: (name: string, listener: (event: unknown) => void) => listeners.set(name, listener),
      registration: { showNotification },
      clients: { matchAll: () => Promise.resolve([]), openWindow },
      location: { origin: 'https://anban.example' },
    }
    const run = new Function('self', 'fetch', readFileSync('public/push.js', 'utf8'))
    run(worker, ask)
  })

  test('shows the words of a summons and says that they were shown', async () => {
    const said = { key: 'k-1', title: 'SOS', body: 'Li, Road', alarm_id: 5, url: '/?alarm=5' }
    await hear('push', { data: { json: () => said } })
    expect(showNotification).toHaveBeenCalledWith('SOS', expect.objectContaining({ body: 'Li, Road', tag: 'alarm-5', data: said }))
    expect(ask).toHaveBeenCalledWith('/api/notifications/k-1/received', expect.objectContaining({ method: 'POST' }))
  })

  test.each([
    ['/?alarm=5', '/?alarm=5'],
    ['https://elsewhere.example/steal?x=1', '/?x=1'],
  ])('opens %s at our own address', async (url, opened) => {
    await hear('notificationclick', { notification: { close: () => undefined, data: { url } } })
    expect(openWindow).toHaveBeenLastCalledWith(opened)
  })

  test('a key of the service is read as the browser wants it', () => {
    expect([...bytesOf('-_8A')]).toEqual([251, 255, 0])
  })
})
