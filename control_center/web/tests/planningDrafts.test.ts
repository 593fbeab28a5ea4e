import { describe, expect, test, vi } from 'vitest'
import en from '../src/messages/en.json'
import { ALARM_KINDS, DAY_KINDS, GROUPINGS, PROMISED, TARGET_KINDS, TARGET_LEVELS, WEBHOOK_KINDS } from '../src/contract/types'
import { draftOf, newPolicy, newStep, newTarget, policyOf, targetOf } from '../src/planning/policyDrafts'
import { TABS } from '../src/planning/tabs'
import { partsOf } from '../src/planning/useLengths'
import { policy, target } from './planning'

vi.mock('../src/router', () => ({ router: {} }))

const NEEDS: Record<string, string[]> = {
  seat: ['number'],
  contact: ['number'],
  role: ['role', 'level'],
  rota: ['rota_id'],
  account: ['account_id'],
}

describe('a policy that is being written', () => {
  test.each(TARGET_KINDS)('sends of a target %s what its kind needs and nothing else', (kind) => {
    const sent = targetOf({ ...newTarget(), kind, rota_id: 3, account_id: 4 })
    const said = Object.entries(sent).flatMap(([name, value]) => (name === 'kind' || value === null ? [] : [name]))
    expect(said.sort()).toEqual([...(NEEDS[kind] ?? [])].sort())
  })

  test('keeps a named unit, a rota and a person', () => {
    const steps = [
      {
        after_seconds: 0,
        targets: [
          target({ kind: 'role', role: 'operator', org: { code: '500109001', name: 'T' } }),
          target({ kind: 'rota', rota: { id: 7, name: 'R' } }),
          target({ kind: 'account', account: { id: 8, name: 'A' } }),
        ],
      },
    ]
    const sent = policyOf(draftOf(policy({ steps })))
    expect(sent.steps[0]?.targets.map(({ org_code, rota_id, account_id }) => [org_code, rota_id, account_id])).toEqual([
      ['500109001', null, null],
      [null, 7, null],
      [null, null, 8],
    ])
  })

  test('is of an elder or of a unit, never of both', () => {
    const sent = policyOf({ ...newPolicy(), org_code: '500109', elder: { id: 3, name: 'E' } })
    expect([sent.org_code, sent.elder_id]).toEqual([null, 3])
  })

  test('lets each further step come later than the one before it', () => {
    const first = newStep([])
    expect([first.after_seconds, newStep([first]).after_seconds]).toEqual([0, 20])
  })
})

describe('a length of time in words', () => {
  test.each([
    [0, '0 seconds'],
    [90, '1 minutes 30 seconds'],
    [3600, '1 hours'],
    [90_061, '1 days 1 hours 1 minutes 1 seconds'],
  ])('of %i s leaves out what is nothing', (seconds, words) => {
    expect(partsOf(seconds).map(({ unit, count }) => `${count} ${unit}`).join(' ')).toBe(words)
  })
})

test('every code that the page shows has a name', () => {
  const { planning } = en
  const missing = (names: object, codes: readonly string[]) => codes.filter((code) => !(code in names))
  const found = [
    missing(en.kind, ALARM_KINDS),
    missing(planning.dayKind, DAY_KINDS),
    missing(planning.target, TARGET_KINDS),
    missing(planning.called, TARGET_KINDS.filter((kind) => kind !== 'account')),
    missing(planning.level, TARGET_LEVELS),
    missing(planning.by, GROUPINGS),
    missing(planning.measure, [...PROMISED, 'call_answer', 'call_talk']),
    missing(planning.field, PROMISED.map((promise) => `${promise}_seconds`)),
    missing(planning.told, WEBHOOK_KINDS.map((kind) => kind.replace('alarm.', ''))),
    missing(planning.tab, TABS),
    missing(en.light, ['good', 'failing', 'off']),
    missing(en.transport, ['screen', 'web_push', 'voice', 'sms', 'email', 'webhook']),
    missing(planning.swapState, ['asked', 'agreed', 'refused', 'withdrawn']),
  ]
  expect(found.flat()).toEqual([])
})
