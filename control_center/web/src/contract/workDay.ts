/** The hall and a worker's day: shapes and requests. Times are ISO-8601 UTC text. */
import { request } from './api'
import type { Organisation } from './register'
import type { Item, OrderCard, Point } from './work'

/** An order that whoever is quickest may take. Whose home it is, is told once it is taken. */
export interface HallEntry {
  order_id: number
  item: Item
  is_test: boolean
  org: Organisation
  window_from: string
  window_to: string
  /** When this worker would begin. */
  starts_at: string | null
  distance_m: number
  travel_minutes: number
  /** Until when it is in the hall. */
  hall_until: string
}

/** What a worker may take, the soonest first, and how many more she may have. */
export interface Hall {
  orders: HallEntry[]
  left: number
  server_time: string
}

/** Meals that are fetched together. */
export interface Pickup extends Point {
  kitchen: string
  /** When they are to leave the kitchen. */
  leave_at: string
  order_ids: number[]
}

/** What is before a worker, in the order in which it is expected: each stop is a visit or a kitchen. */
export interface WorkDay {
  stops: { at: string; order: OrderCard | null; pickup: Pickup | null }[]
  server_time: string
}

export const workDayApi = {
  day: () => request<WorkDay>('GET', '/work/day'),
  hall: () => request<Hall>('GET', '/hall'),
  take: (order_id: number) => request<{ card: OrderCard }>('POST', `/hall/${order_id}/take`, {}),
}
