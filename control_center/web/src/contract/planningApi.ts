import { query, request } from './api'
import type {
  Colleague,
  Compliance,
  ElderBrief,
  Forecast,
  NewLayer,
  NewOverride,
  NewPolicy,
  NewPromises,
  NewRota,
  NewSwap,
  NewWebhook,
  Organisation,
  OwnShifts,
  Policies,
  Policy,
  PromisePolicies,
  Reachable,
  ReportWish,
  RotaCard,
  RotaDetail,
  TransportHealth,
  Webhook,
} from './types'

function wished(wish: ReportWish): string {
  return query(Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== '')))
}

/** What only the supervisor's page asks for; each rejects with ApiError. */
export const planningApi = {
  units: () => request<{ units: Organisation[] }>('GET', '/units'),
  rotas: () => request<{ rotas: RotaCard[] }>('GET', '/rotas'),
  rota: (id: number) => request<RotaDetail>('GET', `/rotas/${id}`),
  makeRota: (rota: NewRota) => request<RotaCard>('POST', '/rotas', rota),
  endRota: (id: number) => request<undefined>('DELETE', `/rotas/${id}`),
  colleagues: (id: number) => request<Colleague[]>('GET', `/rotas/${id}/colleagues`),
  setLayer: (id: number, position: number, layer: NewLayer) =>
    request<RotaDetail>('PUT', `/rotas/${id}/layers/${position}`, layer),
  endLayer: (id: number, position: number) => request<RotaDetail>('DELETE', `/rotas/${id}/layers/${position}`),
  override: (id: number, override: NewOverride) => request<RotaDetail>('POST', `/rotas/${id}/overrides`, override),
  endOverride: (id: number, overrideId: number) => request<RotaDetail>('DELETE', `/rotas/${id}/overrides/${overrideId}`),
  shifts: () => request<OwnShifts>('GET', '/shifts'),
  askSwap: (id: number, swap: NewSwap) => request<OwnShifts>('POST', `/rotas/${id}/swaps`, swap),
  answerSwap: (id: number, agrees: boolean) => request<OwnShifts>('POST', `/swaps/${id}/answer`, { agrees }),
  leaveNote: (id: number, note: string) => request<OwnShifts>('POST', `/rotas/${id}/notes`, { note }),
  acknowledgeNote: (id: number) => request<OwnShifts>('POST', `/handover-notes/${id}/acknowledge`, {}),
  reachable: () => request<{ people: Reachable[] }>('GET', '/reachable'),
  policies: () => request<Policies>('GET', '/escalation-policies'),
  policyVersions: (code: string) => request<{ versions: Policy[] }>('GET', `/escalation-policies/${code}`),
  makePolicy: (policy: NewPolicy) => request<Policy>('POST', '/escalation-policies', policy),
  replacePolicy: (code: string, policy: NewPolicy) => request<Policy>('PUT', `/escalation-policies/${code}`, policy),
  endPolicy: (code: string) => request<undefined>('DELETE', `/escalation-policies/${code}`),
  forecast: (elderId: number, kind: string) =>
    request<Forecast>('GET', `/elders/${elderId}/escalation?${query({ kind })}`),
  findElders: (q: string) => request<{ elders: ElderBrief[] }>('GET', `/elders?${query({ q, limit: 20 })}`),
  promises: () => request<PromisePolicies>('GET', '/promises'),
  setPromises: (promises: NewPromises) => request<PromisePolicies>('POST', '/promises', promises),
  endPromises: (id: number) => request<PromisePolicies>('POST', `/promises/${id}/end`, {}),
  compliance: (wish: ReportWish) => request<Compliance>('GET', `/compliance?${wished(wish)}`),
  transports: () => request<{ transports: TransportHealth[] }>('GET', '/transports'),
  webhooks: () => request<{ webhooks: Webhook[] }>('GET', '/webhooks'),
  subscribe: (webhook: NewWebhook) => request<{ webhook: Webhook; secret: string }>('POST', '/webhooks', webhook),
  unsubscribe: (id: number) => request<undefined>('DELETE', `/webhooks/${id}`),
}

/** Where the compliance report stands as a file for a spreadsheet. */
export function spreadsheetAddress(wish: ReportWish): string {
  return `/api/compliance.csv?${wished(wish)}`
}
