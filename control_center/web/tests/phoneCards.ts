import type { FamilyAlarm, FamilyElder, WorkPage } from '../src/contract/types'
import type { Hall, HallEntry, Pickup, WorkDay } from '../src/contract/workDay'
import { at, elderBrief, orderCard } from './cards'

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

/** An order in the hall, for ten minutes more, that this worker would begin in an hour. */
export function hallEntry(order_id: number, changes: Partial<HallEntry> = {}): HallEntry {
  return {
    order_id,
    item: orderCard(order_id).item,
    is_test: false,
    org: { code: 'A', name: 'Garden street' },
    window_from: at(3600),
    window_to: at(5400),
    starts_at: at(3900),
    distance_m: 900,
    travel_minutes: 5,
    hall_until: at(600),
    ...changes,
  }
}

/** A hall from which three more may be taken. */
export function hall(orders: HallEntry[], left = 3): Hall {
  return { orders, left, server_time: at(0) }
}

/** Meals of these orders, to leave the kitchen in ten minutes. */
export function pickup(order_ids: number[], changes: Partial<Pickup> = {}): Pickup {
  return { kitchen: 'North kitchen', lat: 29.83, lon: 106.43, leave_at: at(600), order_ids, ...changes }
}

/** A day of which only the kitchens matter here: its visits come by the feed. */
export function workDay(...pickups: Pickup[]): WorkDay {
  return { stops: pickups.map((one) => ({ at: one.leave_at, order: null, pickup: one })), server_time: at(0) }
}
