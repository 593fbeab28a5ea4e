import type { FeatureCollection } from 'geojson'
import type { StyleSpecification } from 'maplibre-gl'
import { TOWN_AREAS } from './towns'

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** Colours of the page's own palette; a canvas cannot read its variables. */
const INK = '#16212c'
const HOME = '#5b7688'
const ALONE = '#2b4a60'

/** A map without tiles, fonts or pictures: everything that it draws comes with the page or from the API. */
export function districtStyle(): StyleSpecification {
  return {
    version: 8,
    sources: {
      towns: { type: 'geojson', data: TOWN_AREAS },
      homes: { type: 'geojson', data: NOTHING, cluster: true, clusterRadius: 44, clusterMaxZoom: 15 },
      lines: { type: 'geojson', data: NOTHING },
    },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': '#dfe5ea' } },
      { id: 'towns', type: 'fill', source: 'towns', paint: { 'fill-color': '#f7f9fa' } },
      { id: 'borders', type: 'line', source: 'towns', paint: { 'line-color': '#bcc8d2', 'line-width': 1.2 } },
      {
        id: 'clusters',
        type: 'circle',
        source: 'homes',
        filter: ['has', 'point_count'],
        paint: {
          'circle-color': '#b9c9d5',
          'circle-stroke-color': '#ffffff',
          'circle-stroke-width': 1.5,
          'circle-opacity': 0.92,
          'circle-radius': ['interpolate', ['linear'], ['log10', ['get', 'point_count']], 0.3, 9, 2, 16, 4, 28],
        },
      },
      {
        id: 'homes',
        type: 'circle',
        source: 'homes',
        filter: ['!', ['has', 'point_count']],
        paint: {
          'circle-color': ['case', ['get', 'alone'], '#ffffff', HOME],
          'circle-stroke-color': ['case', ['get', 'alone'], ALONE, '#ffffff'],
          'circle-stroke-width': ['case', ['get', 'alone'], 3, 1],
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, 3.5, 16, 7],
        },
      },
      {
        id: 'lines',
        type: 'line',
        source: 'lines',
        layout: { 'line-cap': 'round' },
        paint: {
          'line-color': ['case', ['get', 'going'], '#0d5f6b', INK],
          'line-width': ['case', ['get', 'going'], 3, 1.2],
          'line-opacity': ['case', ['get', 'going'], 0.9, 0.55],
        },
      },
    ],
  }
}
