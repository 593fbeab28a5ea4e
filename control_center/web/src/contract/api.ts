import type {
  AlarmCard,
  AlarmDevices,
  AlarmWithTimeline,
  Bounds,
  CallOutcome,
  Candidates,
  CareLevel,
  CauseOfFalseAlarm,
  Catalogue,
  DeadLetterPage,
  DeclineReason,
  DeviceWish,
  DoorCodeState,
  ElderBrief,
  ElderCard,
  ElderState,
  ElderThresholds,
  Ending,
  FailReason,
  FamilyPage,
  HandoffView,
  HomeCard,
  IncidentDetail,
  LimitSeverity,
  MapElders,
  NewDoorCode,
  NewOrder,
  NewWay,
  OfferCard,
  OrderCard,
  OrderDetail,
  Outcome,
  Overview,
  OwnReach,
  PauseReason,
  People,
  SeatEntry,
  Session,
  ShelveReason,
  Spot,
  StepAnswer,
  StepReport,
  Unrecorded,
  UnrecordedCard,
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

/** Asks the service; `path` is below /api. Rejects with ApiError. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { 'Accept-Language': language, Accept: 'application/json' }
  const picture = body instanceof Blob ? body : null
  if (body !== undefined) headers['Content-Type'] = picture ? picture.type : 'application/json'
  let response: Response
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      body: picture ?? (body === undefined ? undefined : JSON.stringify(body)),
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

/** The part of an address after the question mark; what is undefined is left out. */
export function query(values: Record<string, string | number | undefined>): string {
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
  resolve: (id: number, outcome: Outcome, cause: CauseOfFalseAlarm | null, note: string | null) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/resolve`, { outcome, cause, note }),
  claim: (id: number) => request<AlarmAnswer>('POST', `/alarms/${id}/claim`, {}),
  shelve: (id: number, reason: ShelveReason, until: string, note: string | null) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/shelve`, { reason, until, note }),
  pauseReasons: () => request<{ reasons: PauseReason[] }>('GET', '/pause-reasons'),
  pause: (id: number, reason: string, minutes: number | null, note: string | null) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/pause`, { reason, minutes, note }),
  resume: (id: number) => request<AlarmAnswer>('POST', `/alarms/${id}/resume`, {}),
  incident: (id: number) => request<IncidentDetail>('GET', `/incidents/${id}`),
  takeTask: (id: number) => request<unknown>('POST', `/tasks/${id}/take`, {}),
  completeTask: (id: number, outcome: string, note: string | null) =>
    request<unknown>('POST', `/tasks/${id}/complete`, { outcome, note }),
  candidates: (id: number) => request<Candidates>('GET', `/alarms/${id}/candidates`),
  nameResponder: (id: number, worker_id: number, reason: string, agreed: boolean) =>
    request<AlarmAnswer>('POST', `/alarms/${id}/name`, { worker_id, reason, agreed }),
  alarmDevices: (id: number) => request<AlarmDevices>('GET', `/alarms/${id}/devices`),
  tellDevice: (id: number, kind: DeviceWish, device: string | null) =>
    request<AlarmDevices>('POST', `/alarms/${id}/commands`, { kind, device }),
  handoff: (id: number) => request<HandoffView>('GET', `/alarms/${id}/handoff`),
  makeHandoff: (id: number, reference: string | null, note: string | null) =>
    request<HandoffView>('POST', `/alarms/${id}/handoff`, { reference, note }),
  telephony: () => request<{ telephony: boolean; extension: string | null }>('GET', '/phone-lines'),
  callAboutElder: (id: number, number: string) => request<unknown>('POST', `/elders/${id}/calls`, { number }),
  takeCall: (id: number) => request<unknown>('POST', `/calls/${id}/take`, {}),
  noteCall: (id: number, outcome: CallOutcome, note: string | null) =>
    request<unknown>('POST', `/calls/${id}/outcome`, { outcome, note }),
  raiseFromCall: (id: number) => request<unknown>('POST', `/calls/${id}/alarm`, {}),
  identifyCaller: (id: number, elder_id: number) => request<unknown>('PUT', `/calls/${id}/elder`, { elder_id }),
  reach: () => request<OwnReach>('GET', '/reach'),
  addWay: (way: NewWay) => request<OwnReach>('POST', '/reach', way),
  sendCode: (id: number) => request<undefined>('POST', `/reach/${id}/code`, {}),
  verifyWay: (id: number, code: string) => request<OwnReach>('POST', `/reach/${id}/verify`, { code }),
  orderWays: (ids: number[]) => request<OwnReach>('PUT', '/reach/order', { ids }),
  removeWay: (id: number) => request<undefined>('DELETE', `/reach/${id}`),
  seats: () => request<{ seats: SeatEntry[] }>('GET', '/seats'),
  chooseSeat: (seat_id: number | null) => request<Session>('PUT', '/session/seat', { seat_id }),
  unrecorded: () => request<Unrecorded>('GET', '/unrecorded'),
  takeUnrecorded: (key: string) =>
    request<{ card: UnrecordedCard }>('POST', `/unrecorded/${encodeURIComponent(key)}/acknowledge`, {}),
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
  /** `for_elder`: the elder's side wants it, which may cost what the pay rule of a late cancellation says. */
  cancelOrder: (id: number, reason: string, for_elder: boolean) => stepOrder(id, 'cancel', { reason, for_elder }),
  reassignOrder: (id: number, reason: string) => stepOrder(id, 'reassign', { reason }),
  searchAgain: (id: number) => stepOrder(id, 'search'),
  confirmOrder: (id: number) => stepOrder(id, 'confirm'),
  doorCode: (id: number) => request<DoorCodeState>('GET', `/elders/${id}/door-code`),
  renewDoorCode: (id: number) => request<NewDoorCode>('POST', `/elders/${id}/door-code`, {}),
  rateVisit: (id: number, stars: number, words: string | null) => stepOrder(id, 'rating', { stars, words }),
  depart: (id: number) => stepOrder(id, 'depart'),
  checkIn: (id: number, spot: Spot | null, code: string | null = null) =>
    stepOrder(id, 'check-in', { ...spot, ...(code === null ? {} : { code }) }),
  begin: (id: number) => stepOrder(id, 'begin'),
  complete: (id: number, spot: Spot | null, ending: Ending) => stepOrder(id, 'complete', { ...spot, ...ending }),
  measure: (id: number, signs: Partial<Record<Vital, number>>) => stepOrder(id, 'measurements', signs),
  tick: (id: number, code: string, done: boolean) =>
    request<OrderAnswer>('PUT', `/orders/${id}/ticks/${code}`, { done }),
  sendPhoto: (id: number, picture: Blob, captured_at: string) =>
    request<{ photo_id: number; new: boolean }>('POST', `/orders/${id}/photos?${query({ captured_at })}`, picture),
  reportSteps: (steps: StepReport[]) => request<{ steps: StepAnswer[] }>('POST', '/work/steps', { steps }),
  callForHelp: (spot: Spot | null) => request<{ alarm_id: number }>('POST', '/work/sos', { ...spot }),
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
