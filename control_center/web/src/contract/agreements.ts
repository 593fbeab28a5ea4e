import { request } from './api'

export interface ScheduledDay {
  day: string
  takes_place: string | null
  outcome: 'ordered' | 'holiday' | 'away' | 'paused' | 'exception' | 'refused' | 'planned'
  order_id: number | null
}

/** What is ordered regularly; weekday 1 is Monday, times are the district's. */
export interface Schedule {
  id: number
  plan_id: number | null
  item: string
  weekdays: number[]
  every_weeks: number
  first_day: string
  last_day: string | null
  from_time: string
  on_holidays: OnHolidays
  note: string | null
  paused_at: string | null
  pause_reason: string | null
  ended_at: string | null
  days: ScheduledDay[]
}

export const ON_HOLIDAYS = ['keep', 'skip', 'move'] as const
export type OnHolidays = (typeof ON_HOLIDAYS)[number]

export interface ScheduleWish {
  item: string
  weekdays: number[]
  every_weeks: number
  first_day: string
  from_time: string
  on_holidays: OnHolidays
}

/** What a press of the green button brings; no item: somebody calls back. */
export interface GreenButton {
  item: string | null
  for_home: boolean
}

type Schedules = { schedules: Schedule[] }

export const agreements = {
  schedules: (elderId: number) => request<Schedules>('GET', `/elders/${elderId}/schedules`),
  make: (elderId: number, wish: ScheduleWish) => request<Schedules>('POST', `/elders/${elderId}/schedules`, wish),
  pause: (id: number, reason: string) => request<Schedules>('POST', `/schedules/${id}/pause`, { reason }),
  resume: (id: number) => request<Schedules>('POST', `/schedules/${id}/resume`, {}),
  end: (id: number, reason: string, ordersToo: boolean) =>
    request<Schedules>('POST', `/schedules/${id}/end`, { reason, orders_too: ordersToo }),
  button: (elderId: number) => request<GreenButton>('GET', `/elders/${elderId}/green-button`),
  agree: (elderId: number, item: string) =>
    request<GreenButton>('PUT', `/elders/${elderId}/green-button`, { item, for_home: true }),
  forget: (elderId: number) => request<GreenButton>('DELETE', `/elders/${elderId}/green-button`),
}
