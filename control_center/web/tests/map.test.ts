import { describe, expect, test } from 'vitest'
import type { FieldPerson, MapElder } from '../src/contract/types'
import { homeFeatures, isPlaced, linesTo, nearestTo, ordersToShow, pinned } from '../src/map/features'
import { around, distanceM, quarters } from '../src/map/geometry'
import { HOMES_AT_ONCE, readHomes } from '../src/map/homes'
import { withoutOverlaps } from '../src/map/labels'
import { DISTRICT, TOWNS, TOWN_AREAS } from '../src/map/towns'
import { at, card, orderCard } from './cards'

const HOME = { lat: 29.82, lon: 106.42 }

function person(id: number, north: number | null, changes: Partial<FieldPerson> = {}): FieldPerson {
  const known = north !== null
  return {
    id,
    name: `W${id}`,
    provider: 'P',
    state: 'free',
    travel: 'scooter',
    lat: known ? HOME.lat + north : null,
    lon: known ? HOME.lon : null,
    position_at: known ? at(-10) : null,
    order_id: null,
    alarm_id: null,
    ...changes,
  }
}

describe('distances', () => {
  test('are those of the great circle', () => {
    expect(distanceM({ lat: 0, lon: 0 }, { lat: 1, lon: 0 })).toBeCloseTo(111_195, -1)
    expect(distanceM({ lat: 60, lon: 0 }, { lat: 60, lon: 1 })).toBeCloseTo(55_597, -2)
    expect(distanceM(HOME, HOME)).toBe(0)
  })
})

describe('the people nearest to an alarm', () => {
  const ids = (people: FieldPerson[], going: number | null = null, limit = 5) =>
    nearestTo(HOME, people, limit, going).map((found) => found.person.id)

  test('stand by distance, as many as are asked for', () => {
    expect(ids([person(1, 0.03), person(2, 0.01), person(3, 0.02)], null, 2)).toEqual([2, 3])
  })

  test('are those on shift whose position is known', () => {
    expect(ids([person(1, null), person(2, 0.01, { state: 'off_shift' }), person(3, 0.02)])).toEqual([3])
  })

  test('begin with whoever is on the way there', () => {
    expect(ids([person(1, 0.01), person(2, 0.5, { state: 'responding' })], 2)).toEqual([2, 1])
  })

  test('are joined to it by lines, the one on the way marked', () => {
    const lines = linesTo(HOME, nearestTo(HOME, [person(1, 0.01), person(2, 0.02)], 5, 2), 2)
    expect(lines.features.map(({ properties }) => properties?.going)).toEqual([true, false])
    expect(lines.features[1]?.geometry.coordinates).toEqual([
      [HOME.lon, HOME.lat],
      [HOME.lon, HOME.lat + 0.01],
    ])
  })
})

test('homes become points, longitude first', () => {
  const { features } = homeFeatures([{ id: 4, lat: 29.8, lon: 106.4, living_alone: true }])
  expect(features).toEqual([
    { type: 'Feature', properties: { id: 4, alone: true }, geometry: { type: 'Point', coordinates: [106.4, 29.8] } },
  ])
})

describe('cards on the map', () => {
  test('stand at their homes, those at one home above each other', () => {
    const pins = pinned([card(1), card(2, { home: { lat: 29.9, lon: 106.5 } }), card(3)])
    expect(pins.map(({ card: { id }, storey }) => [id, storey])).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
    ])
  })

  test('are left out when their home has no coordinates', () => {
    expect(pinned([card(1, { home: null })])).toEqual([])
  })

  test('are the orders that somebody is busy with or must look at', () => {
    const attention = { kind: 'nobody_eligible' as const, at: at(0), turned_away: {}, nearest_miss: null }
    const shown = ordersToShow([
      orderCard(1, { state: 'requested' }),
      orderCard(2, { state: 'requested', attention }),
      orderCard(3, { state: 'en_route' }),
      orderCard(4, { state: 'offered' }),
    ])
    expect(shown.map(({ id }) => id)).toEqual([2, 3])
  })

  test('show people only where their phones told a position', () => {
    expect([person(1, null), person(2, 0)].filter(isPlaced).map(({ id }) => id)).toEqual([2])
  })
})

describe('reading homes', () => {
  const elders: MapElder[] = Array.from({ length: 9_000 }, (_, index) => ({
    id: index + 1,
    lat: 29.7 + (index % 90) / 300,
    lon: 106.35 + Math.floor(index / 90) / 300,
    living_alone: false,
  }))
  let calls: number

  const read = (within: typeof DISTRICT, limit: number) => {
    calls += 1
    const inside = elders.filter(
      ({ lat, lon }) => lat >= within.south && lat <= within.north && lon >= within.west && lon <= within.east,
    )
    return Promise.resolve({ elders: inside.slice(0, limit), truncated: inside.length > limit })
  }

  test('asks once where one answer holds them all', async () => {
    calls = 0
    const few = { ...DISTRICT, north: 29.75 }
    expect((await readHomes(read, few)).truncated).toBe(false)
    expect(calls).toBe(1)
  })

  test('asks for the quarters where it does not, and gives each home once', async () => {
    calls = 0
    const found = await readHomes(read, around(elders))
    expect(found.elders).toHaveLength(elders.length)
    expect(new Set(found.elders.map(({ id }) => id)).size).toBe(elders.length)
    expect(found.truncated).toBe(false)
    expect(calls).toBe(5)
  })

  test('says so when homes lie too close together to be told apart', async () => {
    const crowded = (_: typeof DISTRICT, limit: number) => Promise.resolve({ elders: elders.slice(0, limit), truncated: true })
    const found = await readHomes(crowded, DISTRICT)
    expect(found.truncated).toBe(true)
    expect(found.elders).toHaveLength(HOMES_AT_ONCE)
  })
})

test('the quarters of a rectangle meet in its middle', () => {
  const [southWest, , , northEast] = quarters({ west: 0, south: 0, east: 4, north: 2 })
  expect(southWest).toEqual({ west: 0, south: 0, east: 2, north: 1 })
  expect(northEast).toEqual({ west: 2, south: 1, east: 4, north: 2 })
})

test('a name gives way to the one before it', () => {
  const kept = withoutOverlaps([
    { key: 'a', x: 0, y: 0, width: 80 },
    { key: 'b', x: 60, y: 10, width: 80 },
    { key: 'c', x: 60, y: 30, width: 80 },
  ])
  expect([...kept]).toEqual(['a', 'c'])
})

describe('the sketch of the district', () => {
  test('has the 17 streets and towns, each around its own centre', () => {
    expect(TOWNS).toHaveLength(17)
    for (const { geometry, properties } of TOWN_AREAS.features) {
      const box = around((geometry.coordinates[0] ?? []).map(([lon = 0, lat = 0]) => ({ lon, lat })))
      expect([properties.name, properties.lon > box.west && properties.lon < box.east]).toEqual([properties.name, true])
      expect([properties.name, properties.lat > box.south && properties.lat < box.north]).toEqual([properties.name, true])
    }
  })

  test('tells where it comes from', () => {
    expect((TOWN_AREAS as unknown as { origin: string }).origin).toContain('GeoNames')
  })
})
