import { shallowRef } from 'vue'
import { failureText } from '../session/words'

const SAID_MS = 8_000
const FAILURE_MS = 15_000

export interface Notice {
  id: number
  kind: 'failure' | 'good' | 'plain'
  text: string
}

let made = 0
const current = shallowRef<readonly Notice[]>([])

/** What the page tells its user just now, oldest first. */
export const notices = current

/** Says for a few seconds that something went well. */
export function tellGood(text: string): void {
  show('good', text, SAID_MS)
}

/** Says something for a few seconds that is neither good nor bad. */
export function tell(text: string): void {
  show('plain', text, SAID_MS)
}

/** Says why something failed, in the server's words where it gave some. */
export function tellFailure(error: unknown): void {
  show('failure', failureText(error), FAILURE_MS)
}

export function dismiss(id: number): void {
  current.value = current.value.filter((notice) => notice.id !== id)
}

/** Takes back what failed before: a new attempt begins. */
export function dismissFailures(): void {
  current.value = current.value.filter((notice) => notice.kind !== 'failure')
}

/** Forgets everything said: the page is left. */
export function dismissAll(): void {
  current.value = []
}

function show(kind: Notice['kind'], text: string, ms: number): void {
  const id = ++made
  // The same words again replace the old ones, so that a repeated tap does not fill the screen.
  current.value = [...current.value.filter((notice) => notice.text !== text), { id, kind, text }]
  setTimeout(() => dismiss(id), ms)
}
