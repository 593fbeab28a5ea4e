import type { FeatureCollection, Polygon } from 'geojson'
import type { Point } from '../contract/types'
import outline from './beibei.json'
import { around } from './geometry'

interface Town extends Point {
  code: string
  name: string
}

/** The streets and towns of the district, for finding one's way: sketched in this project, see the file's note. */
export const TOWN_AREAS = outline as unknown as FeatureCollection<Polygon, Town>

export const TOWNS: readonly Town[] = TOWN_AREAS.features.map(({ properties }) => properties)

const corners = TOWN_AREAS.features.flatMap(({ geometry }) =>
  geometry.coordinates.flat().map(([lon = 0, lat = 0]) => ({ lon, lat })),
)
export const DISTRICT = around(corners)
