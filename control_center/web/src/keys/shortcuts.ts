/** What a key does in the console. */
export type Command = 'acknowledge' | 'dispatch' | 'note' | 'resolve' | 'next' | 'previous' | 'help' | 'search' | 'leave' | 'unrecorded' | 'order'

const COMMANDS: Readonly<Record<string, Command>> = {
  a: 'acknowledge',
  d: 'dispatch',
  n: 'note',
  r: 'resolve',
  ArrowDown: 'next',
  ArrowUp: 'previous',
  u: 'unrecorded',
  o: 'order',
  '?': 'help',
  '/': 'search',
  Escape: 'leave',
}

/** The parts of a key press that decide. `typing`: the focus is in a field; `covered`: a dialog or drawer is open. */
export interface Press {
  key: string
  ctrl: boolean
  alt: boolean
  meta: boolean
  typing: boolean
  covered: boolean
}

/** The command of a key press, or null when the key belongs to the browser, a field or a dialog. */
export function commandOf({ key, ctrl, alt, meta, typing, covered }: Press): Command | null {
  if (ctrl || alt || meta || typing || covered) return null
  return COMMANDS[key.length === 1 ? key.toLowerCase() : key] ?? null
}
