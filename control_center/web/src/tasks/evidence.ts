import type { Finding } from '../contract/fraud'
import type { Point } from '../contract/types'

/** A message and what fills it; distances are metres, times ISO text, spans ms. */
export interface Shown {
  key: string
  numbers?: Record<string, number>
  times?: Record<string, string>
  spans?: Record<string, number>
  metres?: number
  spot?: Point
  orders?: number[]
  text?: string
}

type Evidence = Readonly<Record<string, unknown>>

const numberOf = (value: unknown) => (typeof value === 'number' ? value : 0)
const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
const numbersOf = (value: unknown) => (Array.isArray(value) ? value.filter((one) => typeof one === 'number') : [])
const partsOf = (value: unknown): Evidence[] =>
  Array.isArray(value) ? value.filter((one): one is Evidence => typeof one === 'object' && one !== null) : []

function spotOf({ lat, lon }: Evidence): Point | undefined {
  return typeof lat === 'number' && typeof lon === 'number' ? { lat, lon } : undefined
}

/** What shows a finding, as messages that are filled in where they are told. */
export function shownBy({ pattern, evidence }: Pick<Finding, 'pattern' | 'evidence'>): Shown[] {
  const orders = numbersOf(evidence.orders)
  const during = { from: textOf(evidence.from), to: textOf(evidence.to) }
  const visits = numberOf(evidence.visits)
  switch (pattern) {
    case 'same_photo':
      return partsOf(evidence.photos).map((one) => ({
        key: one.same_file === true ? 'fraud.shown.sameFile' : 'fraud.shown.alike',
        numbers: {
          photo: numberOf(one.photo),
          order: numberOf(one.earlier_order),
          earlier: numberOf(one.earlier_photo),
          bits: numberOf(one.bits_apart),
        },
      }))
    case 'impossible_travel':
      return [
        {
          key: typeof evidence.kmh === 'number' ? 'fraud.shown.travel' : 'fraud.shown.travelAtOnce',
          numbers: { order: numberOf(evidence.from_order), kmh: numberOf(evidence.kmh) },
          times: { left: textOf(evidence.left_at), arrived: textOf(evidence.arrived_at) },
          metres: numberOf(evidence.distance_m),
        },
      ]
    case 'too_short':
      return [
        {
          key: 'fraud.shown.short',
          spans: { lasted: numberOf(evidence.seconds) * 1000, least: numberOf(evidence.least_seconds) * 1000 },
        },
      ]
    case 'clustered':
      return [{ key: 'fraud.shown.clustered', numbers: { count: orders.length }, orders, spot: spotOf(evidence) }]
    case 'vague_position':
      return [{ key: 'fraud.shown.vague', numbers: { count: numberOf(evidence.vague), visits }, orders }]
    case 'code_elsewhere':
      return [
        {
          key: 'fraud.shown.elsewhere',
          numbers: { accuracy: numberOf(evidence.accuracy_m) },
          metres: numberOf(evidence.distance_m),
        },
      ]
    case 'back_entries':
      return [{ key: 'fraud.shown.backEntries', numbers: { count: numberOf(evidence.entered), visits }, orders }]
    case 'capture_time':
      return partsOf(evidence.photos).map((one) => ({
        key: 'fraud.shown.captured',
        numbers: { photo: numberOf(one.photo) },
        times: { at: textOf(one.at), ...during },
      }))
    case 'ended_together':
      return [{ key: 'fraud.shown.together', numbers: { count: orders.length }, times: during, orders }]
    case 'evidence_missing':
      return [{ key: 'fraud.shown.missing' }]
    case 'not_taken_place':
      return [{ key: 'fraud.shown.notTaken', text: textOf(evidence.note) }]
  }
}

/** Two pictures that are said to be one, each with the order that it belongs to. */
export interface Twins {
  mine: { order: number; photo: number }
  earlier: { order: number; photo: number }
}

export function twinsOf({ pattern, evidence, order_id: order }: Pick<Finding, 'pattern' | 'evidence' | 'order_id'>): Twins[] {
  if (pattern !== 'same_photo') return []
  return partsOf(evidence.photos).map((one) => ({
    mine: { order, photo: numberOf(one.photo) },
    earlier: { order: numberOf(one.earlier_order), photo: numberOf(one.earlier_photo) },
  }))
}
