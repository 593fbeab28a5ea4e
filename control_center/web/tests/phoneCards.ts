import type { FamilyAlarm, FamilyElder, WorkPage } from '../src/contract/types'
import { at, elderBrief } from './cards'

/** An SOS of five minutes ago that nobody has answered. */
export function familyAlarm(id: number, changes: Partial<FamilyAlarm> = {}): FamilyAlarm {
  return {
    id,
    kind: 'sos',
    raised_at: at(-300),
    answered_at: null,
    dispatched_at: null,
    on_scene_at: null,
    ended_at: null,
    outcome: null,
    responder: null,
    ...changes,
  }
}

/** A relative of whom nothing is wrong. */
export function familyElder(id: number, changes: Partial<FamilyElder> = {}): FamilyElder {
  return {
    elder: { ...elderBrief(id), phone: '023-6825' },
    wellbeing: 'fine',
    since: at(-7200),
    last_sign_at: at(-240),
    alarms: [],
    visits: [],
    ...changes,
  }
}

/** A worker on shift with nothing done yet. */
export function workPage(changes: Partial<WorkPage> = {}): WorkPage {
  return {
    worker: { id: 1, name: 'W1', provider: 'P1', phone: null },
    travel: 'scooter',
    provider_admitted: true,
    skills: [],
    shift: { starts_at: at(-3600), ends_at: at(7200) },
    on_shift: true,
    done_today: [],
    server_time: at(0),
    ...changes,
  }
}
