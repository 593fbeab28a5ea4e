import type {
  AlarmCard,
  AlarmWithTimeline,
  Bounds,
  CareLevel,
  Catalogue,
  DeadLetterPage,
  DeclineReason,
  ElderBrief,
  ElderCard,
  ElderState,
  ElderThresholds,
  FailReason,
  FamilyPage,
  HomeCard,
  LimitSeverity,
  MapElders,
  NewOrder,
  OfferCard,
  OrderCard,
  OrderDetail,
  Outcome,
  Overview,
  People,
  Session,
  Spot,
  Vital,
  VitalsPoint,
  WorkPage,
} from './types'

/** A refused or failed request. `code` is the API's, or `network` when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; fields?: Record<string, string> }
}

const REQUEST_TIMEOUT_MS = 15_000

let language = 'zh-CN'
let onSignedOut: () => void = () => undefined

/** Sets the language that the API answers in. */
export function speak(code: string): void {
  language = code
}

/** Calls `listener` when a request is refused because the session has ended. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { 'Accept-Language': language, Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiError(0, 'network', '')
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  throw await refusal(response, path)
}

async function refusal(response: Response, path: string): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as ErrorBody
  const error = body.error ?? {}
  if (response.status === 401 && path !== '/session') onSignedOut()
  return new ApiError(response.status, error.code ?? 'unexpected', error.message ?? '', error.fields)
}

function query(values: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) search.set(name, String(value))
  }
  return search.toString()
}

/** Degrees of a rectangle on the map. */
export interface Rectangle {
  west: number
  south: number
  east: number
  north: number
}

type AlarmAnswer = { card: AlarmCard }
type OrderAnswer = { card: OrderCard }
type OfferAnswer = { offer: OfferCard }

function stepOrder(id: number, step: string, body: object = {}): Promise<OrderAnswer> {
  return request<OrderAnswer>('POST', `/orders/${id}/${step}`, body)
}

export const api = {
  session: () => request<Session>('GET', '/session'),
  signIn: (username: string, password: string) =>
    request<Session>('POST', '/session', { username, password }),
  signOut: () => request<undefined>('DELETE', '/session'),
  overview: () => request<Overview>('GET', '/overview'),
  endedAlarms: (limit: number, before?: number) =>
    request<{ alarms: AlarmCard[] }>('GET', `/alarms?${query({ view: 'ended', limit, before })}`),
  alarm: (id: number) => request<AlarmWithTimeline>('GET', `/alarms/${id}`),
  acknowledge: (id: number) => request<AlarmAnswer>('POST', `/alarms/${id}/acknowledge`, {}),
  note: (id: number, text: string) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/notes`, { text }),
  resolve: (id: number, outcome: Outcome, note: string | null) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/resolve`, { outcome, note }),
  searchElders: (q: string) =>
    request<{ elders: ElderBrief[] }>('GET', `/elders?${query({ q, limit: 20 })}`),
  elder: (id: number) => request<ElderCard>('GET', `/elders/${id}`),
  vitals: (id: number, hours: number) =>
    request<{ points: VitalsPoint[] }>('GET', `/elders/${id}/vitals?${query({ hours })}`),
  home: (id: number) => request<HomeCard>('GET', `/elders/${id}/home`),
  drawGeofence: (id: number, radius: number) =>
    request<HomeCard>('PUT', `/elders/${id}/geofence`, { radius_m: radius }),
  endGeofence: (id: number) => request<HomeCard>('DELETE', `/elders/${id}/geofence`),
  setMovementLimit: (id: number, minutes: number) =>
    request<HomeCard>('PUT', `/elders/${id}/movement-limit`, { least_minutes: minutes }),
  endMovementLimit: (id: number) => request<HomeCard>('DELETE', `/elders/${id}/movement-limit`),
  setElderState: (id: number, state: ElderState, note: string | null) =>
    request<ElderCard>('PUT', `/elders/${id}/state`, { state, note }),
  thresholds: (id: number) => request<ElderThresholds>('GET', `/elders/${id}/thresholds`),
  setThreshold: (id: number, vital: Vital, severity: LimitSeverity, limits: Bounds & { note: string | null }) =>
    request<ElderThresholds>('PUT', `/elders/${id}/thresholds/${vital}/${severity}`, limits),
  endThreshold: (id: number, vital: Vital, severity: LimitSeverity) =>
    request<ElderThresholds>('DELETE', `/elders/${id}/thresholds/${vital}/${severity}`),
  setCareLevel: (id: number, level: CareLevel) =>
    request<ElderThresholds>('PUT', `/elders/${id}/care-level`, { level }),
  dispatch: (id: number) => request<AlarmAnswer>('POST', `/alarms/${id}/dispatch`, {}),
  arrive: (id: number) => request<AlarmAnswer>('POST', `/alarms/${id}/arrive`, {}),
  catalogue: () => request<Catalogue>('GET', '/catalogue'),
  createOrder: (order: NewOrder) => request<OrderAnswer>('POST', '/orders', order),
  openOrders: (limit: number, elder_id?: number) =>
    request<{ orders: OrderCard[] }>('GET', `/orders?${query({ view: 'open', limit, elder_id })}`),
  endedOrders: (limit: number, before?: number, elder_id?: number) =>
    request<{ orders: OrderCard[] }>('GET', `/orders?${query({ view: 'ended', limit, before, elder_id })}`),
  order: (id: number) => request<OrderDetail>('GET', `/orders/${id}`),
  cancelOrder: (id: number, reason: string) => stepOrder(id, 'cancel', { reason }),
  reassignOrder: (id: number, reason: string) => stepOrder(id, 'reassign', { reason }),
  searchAgain: (id: number) => stepOrder(id, 'search'),
  confirmOrder: (id: number) => stepOrder(id, 'confirm'),
  settleOrder: (id: number) => stepOrder(id, 'settle'),
  depart: (id: number) => stepOrder(id, 'depart'),
  checkIn: (id: number, spot: Spot) => stepOrder(id, 'check-in', spot),
  begin: (id: number) => stepOrder(id, 'begin'),
  complete: (id: number, spot: Spot | null, note: string | null) => stepOrder(id, 'complete', { ...spot, note }),
  fail: (id: number, reason: FailReason, note: string | null) => stepOrder(id, 'fail', { reason, note }),
  acceptOffer: (id: number) => request<OfferAnswer>('POST', `/offers/${id}/accept`, {}),
  declineOffer: (id: number, reason: DeclineReason) =>
    request<OfferAnswer>('POST', `/offers/${id}/decline`, { reason }),
  work: () => request<WorkPage>('GET', '/work'),
  reportPosition: (spot: Spot) => request<undefined>('POST', '/work/position', spot),
  family: () => request<FamilyPage>('GET', '/family'),
  people: () => request<People>('GET', '/people'),
  mapElders: (within: Rectangle, limit: number) =>
    request<MapElders>('GET', `/map/elders?${query({ ...within, limit })}`),
  deadLetters: (limit: number, before?: number) =>
    request<DeadLetterPage>('GET', `/dead-letters?${query({ limit, before })}`),
}
