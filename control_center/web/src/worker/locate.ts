import type { Spot } from '../contract/types'

export const TROUBLES = ['denied', 'unavailable', 'timeout', 'insecure', 'unsupported'] as const
/** Why the phone does not tell where it is. */
export type Trouble = (typeof TROUBLES)[number]

const FIX_MS = 20_000
const BY_CODE: Record<number, Trouble> = { 1: 'denied', 2: 'unavailable', 3: 'timeout' }
const EARTH_RADIUS_M = 6_371_000

export class NoPosition extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble)
    this.name = 'NoPosition'
  }
}

/** The browser's geolocation. Raises NoPosition when it has none, or none that it may give to this page. */
export function geolocation(): Geolocation {
  if (!window.isSecureContext) throw new NoPosition('insecure')
  if (!('geolocation' in navigator)) throw new NoPosition('unsupported')
  return navigator.geolocation
}

function troubleOf(error: { code: number }): Trouble {
  return BY_CODE[error.code] ?? 'unavailable'
}

/** A browser's position as the service takes it; metres, one decimal. */
function spotOf({ coords }: GeolocationPosition): Spot {
  return { lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy * 10) / 10 }
}

let asked: Promise<Spot> | null = null

/**
 * Where the phone is now, freshly measured. Rejects with NoPosition. Whoever asks while a measurement runs is given
 * its result: of two at once, browsers may leave both without an answer on a device that lies still.
 */
export function locate(): Promise<Spot> {
  asked ??= measure().finally(() => (asked = null))
  return asked
}

/** The same for somebody who can do without: null when it is not known within `ms`. */
export function glance(ms: number): Promise<Spot | null> {
  const enough = new Promise<null>((resolve) => setTimeout(() => resolve(null), ms))
  return Promise.race([locate().catch(() => null), enough])
}

async function measure(): Promise<Spot> {
  const source = geolocation()
  return new Promise((resolve, reject) => {
    source.getCurrentPosition(
      (position) => resolve(spotOf(position)),
      (error) => reject(new NoPosition(troubleOf(error))),
      { enableHighAccuracy: true, timeout: FIX_MS, maximumAge: 0 },
    )
  })
}

/** Metres along the ground between two places. */
export function metresBetween(one: { lat: number; lon: number }, other: { lat: number; lon: number }): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const north = Math.sin(radians(other.lat - one.lat) / 2)
  const east = Math.sin(radians(other.lon - one.lon) / 2)
  const half = north ** 2 + Math.cos(radians(one.lat)) * Math.cos(radians(other.lat)) * east ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)))
}
