import type {
  VisitProof,
  AlarmCard,
  CallCard,
  ElderBrief,
  Frame,
  OfferCard,
  OrderCard,
  TaskCard,
  UnrecordedCard,
} from '../src/contract/types'

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
    home: { lat: 29.82, lon: 106.42 },
    response: {
      state: null,
      due_at: null,
      responder: null,
      offers_open: 0,
      offers_made: 0,
      turned_away: {},
      nearest_miss: null,
    },
    ...changes,
  }
}

const item = {
  code: 'meal_delivery',
  version: 1,
  assist: 'meal' as const,
  name_zh: 'Z',
  name_en: 'Meal delivery',
  duration_minutes: 30,
  skills: ['meal_delivery'],
}

/** Nothing is demanded, and nothing is there. */
export function visitProof(changes: Partial<VisitProof> = {}): VisitProof {
  return {
    photos_needed: 0,
    photos: [],
    ticks: [],
    pre_checks: [],
    least_minutes: 0,
    checked_in_by: null,
    phone_times: {},
    flags: [],
    flag_reason: null,
    confirm_code: null,
    confirmed_how: null,
    payment_held: null,
    rating: null,
    ...changes,
  }
}

/** A meal asked for five minutes ago, to be accepted within five, to arrive in half an hour's time or the next. */
export function orderCard(id: number, changes: Partial<OrderCard> = {}): OrderCard {
  return {
    id,
    state: 'offered',
    is_test: false,
    item,
    elder: elderBrief(id),
    home: { lat: 29.82, lon: 106.42 },
    window_from: at(1800),
    window_to: at(3600),
    note: null,
    source: 'operator',
    requested_at: at(-300),
    requested_by: null,
    sla: {
      accept: { due_at: at(300), met_at: null, breached: false },
      arrive: { due_at: at(3600), met_at: null, breached: false },
      finish: null,
    },
    next_due: { at: at(60), reason: 'offer' },
    worker: null,
    predicted_at: null,
    risk: null,
    accepted_at: null,
    departed_at: null,
    checked_in_at: null,
    begun_at: null,
    completed_at: null,
    confirmed_at: null,
    ended_at: null,
    end_reason: null,
    attention: null,
    offers_open: 2,
    offers_made: 2,
    planned_at: null,
    lead_id: null,
    companion: null,
    proof: visitProof(),
    ...changes,
  }
}

/** An open offer of order `100 + id`, to be answered within a minute. */
export function offerCard(id: number, changes: Partial<OfferCard> = {}): OfferCard {
  return {
    id,
    state: 'open',
    is_test: false,
    order: { id: 100 + id, item, window_from: at(1800), window_to: at(3600) },
    alarm: null,
    org: { code: '500109001', name: 'T' },
    distance_m: 900,
    travel_minutes: 5,
    offered_at: at(-30),
    expires_at: at(60),
    ...changes,
  }
}

export function elderBrief(id: number): ElderBrief {
  return {
    id,
    name: `E${id}`,
    gender: 'female',
    age: 82,
    state: 'home',
    living_alone: true,
    tags: [],
    address: '',
    org: { code: '500109001', name: 'T' },
    phone: null,
  }
}

interface Others {
  orders?: OrderCard[]
  offers?: OfferCard[]
  tasks?: TaskCard[]
  calls?: CallCard[]
}

export function snapshot(id: number, cards: AlarmCard[], epoch = 'one', others: Others = {}): Frame {
  return { type: 'snapshot', epoch, id, cards, orders: [], offers: [], ...others, server_time: at(0) }
}

export function changed(id: number, changedCard: AlarmCard, event = 'raised'): Frame {
  return { type: 'card', id, subject: 'alarm', event, card: changedCard, server_time: at(0) }
}

export function orderChanged(id: number, card: OrderCard, event = 'offered'): Frame {
  return { type: 'card', id, subject: 'order', event, card, server_time: at(0) }
}

export function offerChanged(id: number, card: OfferCard, event = 'made'): Frame {
  return { type: 'card', id, subject: 'offer', event, card, server_time: at(0) }
}

export function removed(id: number, alarmId: number, last: AlarmCard | null = null): Frame {
  return { type: 'remove', id, subject: 'alarm', subject_id: alarmId, reason: 'ended', card: last, server_time: at(0) }
}

export function orderRemoved(id: number, orderId: number): Frame {
  return {
    type: 'remove',
    id,
    subject: 'order',
    subject_id: orderId,
    reason: 'out_of_scope',
    card: null,
    server_time: at(0),
  }
}

export function offerRemoved(id: number, last: OfferCard): Frame {
  return { type: 'remove', id, subject: 'offer', subject_id: last.id, reason: 'ended', card: last, server_time: at(0) }
}

/** An SOS that the database does not have, heard ten seconds ago. */
export function call(key: string, changes: Partial<UnrecordedCard> = {}): UnrecordedCard {
  return {
    key,
    kind: 'sos',
    severity: 'emergency',
    is_test: false,
    why: 'database_away',
    occurred_at: at(-11),
    received_at: at(-10),
    signal_count: 1,
    confirm_at: null,
    acknowledged_at: null,
    acknowledged_by: null,
    device: { id: 'B-1', kind: 'button' },
    elder: elderBrief(1),
    residents: [],
    address: 'T Road 1',
    org: { code: '500109001', name: 'T' },
    home: null,
    ...changes,
  }
}

export function unrecorded(...cards: UnrecordedCard[]): Frame {
  return { type: 'unrecorded', cards, server_time: at(0) }
}

export function tick(id: number, stale = false): Frame {
  return { type: 'tick', id, stale, live: { devices_online: 9, devices_total: 10 }, server_time: at(0) }
}
