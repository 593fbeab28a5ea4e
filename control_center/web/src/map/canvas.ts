import type { FeatureCollection } from 'geojson'
import { Map as MapLibre, setWorkerUrl, type GeoJSONSource, type MapLayerMouseEvent } from 'maplibre-gl'
import 'maplibre-gl/dist/maplibre-gl.css'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import type { Point } from '../contract/types'
import type { Rectangle } from '../contract/api'
import { districtStyle } from './style'
import { DISTRICT } from './towns'

// The worker is a file of the page's own, so the page's policy needs no `blob:`.
setWorkerUrl(workerUrl)

export type DistrictCanvas = MapLibre

const LEGEND_WIDTH = 250
const CLOSE_ZOOM = 13.5

/** A cluster of homes as it stands on the screen. */
export interface Cluster extends Point {
  id: number
  count: number
}

interface Hooks {
  title: string
  onHome: (elderId: number) => void
}

/** Draws the district into `container`. Throws where the browser has no WebGL. */
export function drawDistrict(container: HTMLElement, { title, onHome }: Hooks): DistrictCanvas {
  const map = new MapLibre({
    container,
    style: districtStyle(),
    bounds: cornersOf(DISTRICT),
    fitBoundsOptions: { padding: roomBeside(container) },
    maxBounds: cornersOf(widened(DISTRICT)),
    minZoom: 8,
    maxZoom: 18,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    locale: { 'Map.Title': title },
  })
  map.touchZoomRotate.disableRotation()
  map.keyboard.disableRotation()
  map.on('click', 'homes', (event) => {
    const id: unknown = event.features?.[0]?.properties.id
    if (typeof id === 'number') onHome(id)
  })
  map.on('click', 'clusters', (event) => void openCluster(map, event))
  for (const layer of ['homes', 'clusters']) {
    map.on('mouseenter', layer, () => (map.getCanvas().style.cursor = 'pointer'))
    map.on('mouseleave', layer, () => (map.getCanvas().style.cursor = ''))
  }
  return map
}

export function setData(map: DistrictCanvas, source: 'homes' | 'lines', data: FeatureCollection): void {
  void map.getSource<GeoJSONSource>(source)?.setData(data)
}

/** The clusters on the screen; tiles overlap, so each is named once. */
export function visibleClusters(map: DistrictCanvas): Cluster[] {
  const found = new Map<number, Cluster>()
  for (const { properties, geometry } of map.queryRenderedFeatures({ layers: ['clusters'] })) {
    if (geometry.type !== 'Point') continue
    const [lon = 0, lat = 0] = geometry.coordinates
    found.set(properties.cluster_id, { id: properties.cluster_id, count: properties.point_count, lon, lat })
  }
  return [...found.values()]
}

/** Moves to a place, and closer when it is far away. */
export function goTo(map: DistrictCanvas, place: Point): void {
  const { clientWidth: width, clientHeight: height } = map.getContainer()
  // On a phone the lower half is covered by what is told about the place.
  const offset: [number, number] = isWide(width) ? [0, 0] : [0, -height / 4]
  map.easeTo({ center: [place.lon, place.lat], zoom: Math.max(map.getZoom(), CLOSE_ZOOM), offset, duration: 600 })
}

export function showWhole(map: DistrictCanvas): void {
  map.fitBounds(cornersOf(DISTRICT), { padding: roomBeside(map.getContainer()), duration: 600 })
}

function isWide(width: number): boolean {
  return width > 760
}

/** Px to keep free around the district: a wide map has its legend on the left. */
function roomBeside(container: HTMLElement) {
  const margin = 16
  return { top: margin, right: margin, bottom: margin, left: isWide(container.clientWidth) ? LEGEND_WIDTH : margin }
}

async function openCluster(map: DistrictCanvas, event: MapLayerMouseEvent): Promise<void> {
  const feature = event.features?.[0]
  if (feature?.geometry.type !== 'Point') return
  const [lon = 0, lat = 0] = feature.geometry.coordinates
  const zoom = await map.getSource<GeoJSONSource>('homes')?.getClusterExpansionZoom(feature.properties.cluster_id)
  map.easeTo({ center: [lon, lat], zoom: (zoom ?? map.getZoom() + 2) + 0.2 })
}

function cornersOf({ west, south, east, north }: Rectangle): [[number, number], [number, number]] {
  return [
    [west, south],
    [east, north],
  ]
}

function widened({ west, south, east, north }: Rectangle): Rectangle {
  const lon = east - west
  const lat = north - south
  return { west: west - lon, south: south - lat, east: east + lon, north: north + lat }
}
