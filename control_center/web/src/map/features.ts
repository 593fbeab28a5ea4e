import type { FeatureCollection, LineString, Point as GeoPoint } from 'geojson'
import type { AlarmCard, FieldPerson, MapElder, OrderCard, Point } from '../contract/types'
import { distanceM } from './geometry'

/** Elders' homes for the clustered circles. */
export function homeFeatures(elders: readonly MapElder[]): FeatureCollection<GeoPoint> {
  return {
    type: 'FeatureCollection',
    features: elders.map(({ id, lat, lon, living_alone }) => ({
      type: 'Feature',
      properties: { id, alone: living_alone },
      geometry: { type: 'Point', coordinates: [lon, lat] },
    })),
  }
}

/** A worker whose position is known. */
export type PlacedPerson = FieldPerson & Point

export function isPlaced(person: FieldPerson): person is PlacedPerson {
  return person.lat !== null && person.lon !== null
}

export interface NearPerson {
  person: PlacedPerson
  /** As the crow flies. */
  metres: number
}

/** The workers on shift who are nearest to a place; whoever goes there already stands first. */
export function nearestTo(place: Point, people: readonly FieldPerson[], limit: number, goingId: number | null): NearPerson[] {
  return people
    .filter(isPlaced)
    .filter((person) => person.state !== 'off_shift' || person.id === goingId)
    .map((person) => ({ person, metres: distanceM(place, person) }))
    .sort((a, b) => Number(b.person.id === goingId) - Number(a.person.id === goingId) || a.metres - b.metres)
    .slice(0, limit)
}

/** Straight lines from a place to people; `going` is whoever is on the way there. */
export function linesTo(place: Point, near: readonly NearPerson[], goingId: number | null): FeatureCollection<LineString> {
  return {
    type: 'FeatureCollection',
    features: near.map(({ person }) => ({
      type: 'Feature',
      properties: { going: person.id === goingId },
      geometry: {
        type: 'LineString',
        coordinates: [
          [place.lon, place.lat],
          [person.lon, person.lat],
        ],
      },
    })),
  }
}

/** Something with a home to be drawn at; `storey` counts up where several stand at one place. */
export interface Pinned<Card> {
  card: Card
  at: Point
  storey: number
}

/** Cards that have a home, those at one home above each other. */
export function pinned<Card extends AlarmCard | OrderCard>(cards: Iterable<Card>): Pinned<Card>[] {
  const storeys = new Map<string, number>()
  const pins: Pinned<Card>[] = []
  for (const card of cards) {
    if (card.home === null) continue
    const key = `${card.home.lat} ${card.home.lon}`
    const storey = storeys.get(key) ?? 0
    storeys.set(key, storey + 1)
    pins.push({ card, at: card.home, storey })
  }
  return pins
}

const UNDER_WAY = ['accepted', 'en_route', 'checked_in', 'in_service']

/** Orders that somebody is busy with, and those that need a person. */
export function ordersToShow(orders: Iterable<OrderCard>): OrderCard[] {
  return [...orders].filter((card) => card.attention !== null || UNDER_WAY.includes(card.state))
}
