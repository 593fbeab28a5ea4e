import type { AlarmCard, Frame } from '../src/contract/types'

/** The moment the tests happen at. */
export const NOW = Date.parse('2026-11-22T08:00:00Z')

export function at(secondsFromNow: number): string {
  return new Date(NOW + secondsFromNow * 1000).toISOString()
}

/** An unanswered SOS of half a minute ago, due in half a minute; `changes` make it another alarm. */
export function card(id: number, changes: Partial<AlarmCard> = {}): AlarmCard {
  return {
    id,
    kind: 'sos',
    severity: 'emergency',
    state: 'raised',
    is_test: false,
    raised_at: at(-30),
    occurred_at: at(-31),
    last_signal_at: at(-30),
    signal_count: 1,
    sla: { answer: { due_at: at(30), met_at: null, breached: false }, dispatch: null, on_scene: null },
    next_due: { at: at(20), reason: 'escalate' },
    escalation: { level: 0, roles: [] },
    acknowledged_at: null,
    acknowledged_by: null,
    resolved_at: null,
    outcome: null,
    news2: null,
    device: { id: `B-${id}`, kind: 'button' },
    elder: null,
    residents: [],
    address: '',
    org: { code: '500109001', name: 'T' },
    ...changes,
  }
}

export function snapshot(id: number, cards: AlarmCard[], epoch = 'one'): Frame {
  return { type: 'snapshot', epoch, id, cards, server_time: at(0) }
}

export function changed(id: number, changedCard: AlarmCard, event = 'raised'): Frame {
  return { type: 'card', id, event, card: changedCard, server_time: at(0) }
}

export function removed(id: number, alarmId: number, last: AlarmCard | null = null): Frame {
  return { type: 'remove', id, alarm_id: alarmId, reason: 'ended', card: last, server_time: at(0) }
}

export function tick(id: number, stale = false): Frame {
  return { type: 'tick', id, stale, live: { devices_online: 9, devices_total: 10 }, server_time: at(0) }
}
