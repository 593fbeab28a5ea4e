import { query, request } from './api'
import type { Entry } from './register'
import type { Assist, ElderBrief, OrderCard, OrderState } from './types'

/** From when to when somebody would arrive. */
export interface ProposedWindow {
  begins: string
  ends: string
}

/** Something that can be ordered now; money in fen. `as_last_time`: the first window is at her last one's time of day. */
export interface ProposedItem {
  code: string
  assist: Assist
  name_zh: string
  name_en: string
  fee: 'free' | 'low_fee' | 'paid'
  duration_minutes: number
  times: number
  price_fen: number
  subsidy_fen: number
  elder_fen: number
  windows: ProposedWindow[]
  as_last_time: boolean
}

export interface LastOrder {
  id: number
  item: string
  name_zh: string
  name_en: string
  state: OrderState
  window_from: string
  window_to: string
  ended: boolean
}

/** An elder for whom somebody may be calling, and what is proposed for her, the most usual first. */
export interface HotlineSheet {
  elder: ElderBrief
  party: string
  party_name: string | null
  entry: Entry
  last: LastOrder[]
  items: ProposedItem[]
}

export interface HotlineSheets {
  sheets: HotlineSheet[]
  truncated: boolean
  server_time: string
}

export interface PhoneWish {
  elder_id: number
  call_id?: number
  item: string
  window_from: string
  window_to: string
  note?: string
}

export interface FamilyOffer {
  items: ProposedItem[]
  orders: OrderCard[]
  server_time: string
}

export interface FamilyWish {
  item: string
  window_from: string
  window_to: string
  note?: string
}

type OrderAnswer = { card: OrderCard }

export const hotlineApi = {
  ofCall: (callId: number) => request<HotlineSheets>('GET', `/hotline?${query({ call_id: callId })}`),
  typed: (q: string) => request<HotlineSheets>('GET', `/hotline?${query({ q })}`),
  order: (wish: PhoneWish) => request<OrderAnswer>('POST', '/hotline/orders', wish),
}

export const familyOrders = {
  offer: (elderId: number) => request<FamilyOffer>('GET', `/family/elders/${elderId}/offer`),
  order: (elderId: number, wish: FamilyWish) =>
    request<OrderAnswer>('POST', `/family/elders/${elderId}/orders`, wish),
  callOff: (orderId: number) => request<OrderAnswer>('POST', `/family/orders/${orderId}/cancel`, {}),
}
