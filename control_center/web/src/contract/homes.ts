/** What sensors know of a home, and what staff set for it. Times are ISO-8601 UTC text. */
import type { Person } from './register'
import type { Point } from './work'

export interface HomeSensor {
  device: string
  /** Empty for the hub itself. */
  sensor: string
  heard_at: string
  battery: number | null
  states: Record<string, boolean>
}

export interface HomeMovement {
  moved_at: string | null
  still_since: string | null
  heard_at: string | null
  in_bed: boolean | null
  door_opened_at: string | null
  /** Minutes by the hour of the district's clock. */
  limits: number[]
  limit_minutes: number
  days_known: number
  least_minutes: number | null
}

export interface HomeWater {
  device: string
  sensor: string
  at: string
  shown_m3: number
  hours: number
  used_m3: number | null
  used_in_a_day_m3: number | null
}

export interface Geofence {
  centre: Point
  radius_m: number
  since: string
  until: string | null
  set_by: Person | null
  ended_by: Person | null
}

export interface LeastLimit {
  minutes: number
  since: string
  until: string | null
  set_by: Person
  ended_by: Person | null
}

export interface HomeCard {
  movement: HomeMovement | null
  water: HomeWater[]
  sensors: HomeSensor[]
  geofence: Geofence | null
  outside_since: string | null
  past_geofences: Geofence[]
  past_limits: LeastLimit[]
}
