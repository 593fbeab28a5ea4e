/** Shapes of limits on vital signs. Times are ISO-8601 UTC text. */
import type { Severity, Vital } from './register'

export type CareLevel = 'independent' | 'mild' | 'moderate' | 'severe' | 'total'
export const CARE_LEVELS: readonly CareLevel[] = ['independent', 'mild', 'moderate', 'severe', 'total']
export type LimitSeverity = Exclude<Severity, 'technical'>
export const LIMIT_SEVERITIES: readonly LimitSeverity[] = ['emergency', 'urgent', 'advisory']

/** Values below `low` or above `high`; null is no limit on that side. */
export interface Bounds {
  low: number | null
  high: number | null
}

export interface CrossedLimit extends Bounds {
  vital: Vital
  value: number
  severity: Severity
  source: 'elder' | 'care_level' | 'baseline'
}

export interface Threshold extends Bounds {
  vital: Vital
  severity: LimitSeverity
  note: string | null
  care_level: CareLevel | null
  valid_from: string
  valid_to: string | null
  set_by: string
  ended_by: string | null
}

export interface CareLevelSince {
  level: CareLevel
  valid_from: string
  valid_to: string | null
  set_by: string
}

export interface ElderThresholds {
  care_level: CareLevelSince | null
  own: Threshold[]
  of_care_level: Threshold[]
  usual: (Bounds & { vital: Vital; learned_at: string })[]
  history: Threshold[]
  care_level_history: CareLevelSince[]
}
