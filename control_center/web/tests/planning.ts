import { flushPromises } from '@vue/test-utils'
import type { Policy, PolicyTarget, RotaCard, RotaDetail } from '../src/contract/types'
import { at } from './cards'

export const UNIT = { code: '500109', name: 'Beibei' }

export const target = (changes: Partial<PolicyTarget>): PolicyTarget => ({
  kind: 'seat',
  number: null,
  role: null,
  level: null,
  org: null,
  rota: null,
  account: null,
  ...changes,
})

export const policy = (changes: Partial<Policy> = {}): Policy => ({
  code: 'nights',
  version: 2,
  name: 'Nights',
  org: UNIT,
  elder: null,
  kind: null,
  severity: 'emergency',
  day_kind: 'any',
  from_time: '22:00',
  until_time: '06:00',
  repeats: 2,
  repeat_seconds: 60,
  steps: [
    { after_seconds: 0, targets: [target({ kind: 'seat', number: 1 })] },
    { after_seconds: 90, targets: [target({ kind: 'role', role: 'supervisor', level: 'district' }), target({ kind: 'family' })] },
  ],
  valid_from: at(-3600),
  valid_to: null,
  set_by: 'Liu',
  ended_by: null,
  may_change: true,
  ...changes,
})

export const rota = (changes: Partial<RotaCard> = {}): RotaCard => ({
  id: 4,
  org: UNIT,
  name: 'Night desk',
  check_hours: 12,
  on_now: [{ id: 2, name: 'Wang' }],
  next_hand_over: at(3600),
  gaps: [],
  unreachable: [],
  may_change: true,
  ...changes,
})

export const rotaDetail = (changes: Partial<RotaDetail> = {}): RotaDetail => ({
  card: rota(),
  layers: [],
  overrides: [],
  spans: [
    { starts_at: at(0), ends_at: at(3600), persons: [{ id: 2, name: 'Wang' }] },
    { starts_at: at(3600), ends_at: at(7200), persons: [] },
  ],
  checks: [],
  swaps: [],
  notes: [],
  ...changes,
})

/** What stands on the page or in a dialog over it. */
export const outside = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)
export const everyOutside = (id: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)]

export async function press(id: string): Promise<void> {
  outside(id)?.click()
  await flushPromises()
}

/** Types into a field or chooses in a list. */
export async function say(field: HTMLElement | null | undefined, text: string): Promise<void> {
  const input = field as HTMLInputElement
  input.value = text
  input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input'))
  await flushPromises()
}

export async function send(form: string): Promise<void> {
  outside(form)?.dispatchEvent(new Event('submit'))
  await flushPromises()
}
