import { shallowReactive, watch } from 'vue'
import type { Subject } from '../contract/types'
import { versionOf } from '../feed/board'
import { board } from '../feed/store'
import { dismissFailures, tellFailure } from './notices'

/** Ms to wait for the feed to show an accepted action before the button may be pressed again. */
const CONFIRM_MS = 8_000

/** What is acted on just now, as `order:7`: from the press until the feed shows the effect. */
const busy = shallowReactive(new Set<string>())

export function isBusy(subject: Subject, id: number): boolean {
  return busy.has(`${subject}:${id}`)
}

/** Sends one command about a card; true once the server has accepted it. A refusal is told and gives false. */
export async function perform(subject: Subject, id: number, send: () => Promise<unknown>): Promise<boolean> {
  const key = `${subject}:${id}`
  if (busy.has(key)) return false
  const since = versionOf(board.value, subject, id)
  busy.add(key)
  dismissFailures()
  try {
    await send()
  } catch (error) {
    busy.delete(key)
    tellFailure(error)
    return false
  }
  void shown(subject, id, since).then(() => busy.delete(key))
  return true
}

/** Resolves when the feed has told something newer than event `since` about a card, or has had time enough to. */
function shown(subject: Subject, id: number, since: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, CONFIRM_MS)
    const stop = watch(board, look)
    function finish(): void {
      clearTimeout(timer)
      stop()
      resolve()
    }
    function look(): void {
      const known = board.value[subject]
      if (versionOf(board.value, subject, id) > since || !known.cards.has(id)) finish()
    }
    look()
  })
}
