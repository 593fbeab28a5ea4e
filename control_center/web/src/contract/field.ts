/** Shapes of what the map shows. Times are ISO-8601 UTC text. */
import type { Point, Travel } from './work'

export const PERSON_STATES = ['off_shift', 'free', 'offered', 'on_the_way', 'on_visit', 'responding'] as const
export type PersonState = (typeof PERSON_STATES)[number]

export interface FieldPerson {
  id: number
  name: string
  provider: string
  state: PersonState
  travel: Travel
  /** Null when the phone has not told one within 15 minutes. */
  lat: number | null
  lon: number | null
  position_at: string | null
  order_id: number | null
  alarm_id: number | null
}

export interface People {
  people: FieldPerson[]
  server_time: string
}

export interface MapElder extends Point {
  id: number
  living_alone: boolean
}

export interface MapElders {
  elders: MapElder[]
  truncated: boolean
}
