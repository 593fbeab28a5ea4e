// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { AlarmCard, FieldPerson } from '../src/contract/types'
import { i18n } from '../src/i18n'
import MapLegend from '../src/map/MapLegend.vue'
import MapSide from '../src/map/MapSide.vue'
import { nearestTo } from '../src/map/features'
import { picked } from '../src/map/picked'
import { learnServerTime } from '../src/time/clock'
import { at, card } from './cards'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const HOME = { lat: 29.82, lon: 106.42 }
const person = (id: number, north: number, changes: Partial<FieldPerson> = {}): FieldPerson => ({
  id,
  name: `W${id}`,
  provider: 'P',
  state: 'free',
  travel: 'scooter',
  lat: HOME.lat + north,
  lon: HOME.lon,
  position_at: at(-10),
  order_id: null,
  alarm_id: null,
  ...changes,
})
const PEOPLE = [person(1, 0.02), person(2, 0.009), person(3, 0, { lat: null, lon: null })]

function side(alarm: AlarmCard | null, goingId: number | null = null) {
  const nearest = alarm?.home ? nearestTo(alarm.home, PEOPLE, 5, goingId) : []
  return mount(MapSide, {
    props: { alarm, nearest, people: PEOPLE, picked: picked.value },
    global: { plugins: [i18n] },
  })
}

beforeEach(() => {
  learnServerTime(at(0))
  i18n.global.locale.value = 'en'
  picked.value = null
})

describe('beside the map', () => {
  test('stands the chosen alarm with the workers nearest to it', () => {
    const panel = side(card(5, { state: 'acknowledged', address: 'Road 1' }))
    expect(panel.find('[data-testid="map-alarm"]').text()).toContain('Road 1')
    const rows = panel.findAll('[data-testid="map-nearest"] li').map((row) => row.text().replace(/\s+/g, ' '))
    expect(rows).toEqual(['FW2 Free1.0 km', 'FW1 Free2.2 km'])
    expect(panel.find('[data-testid="dispatch"]').exists()).toBe(true)
  })

  test('says that the alarm’s home is not known', () => {
    expect(side(card(5, { home: null })).text()).toContain('The home of this alarm has no coordinates')
  })

  test('stands a worker who was pressed, before the alarm', async () => {
    const panel = side(card(5))
    await panel.find('[data-testid="map-nearest"] button').trigger('click')
    await panel.setProps({ picked: picked.value })
    expect(panel.find('[data-testid="map-person"]').text()).toContain('W2')
    expect(panel.find('[data-testid="map-alarm"]').exists()).toBe(false)
    await panel.find('[data-testid="map-close"]').trigger('click')
    expect(picked.value).toBeNull()
  })

  test('stands nothing when nothing is chosen', () => {
    expect(side(null).find('[data-testid="map-side"]').exists()).toBe(false)
  })
})

test('the legend counts people by state and those without a position', () => {
  const homes = { elders: [{ id: 1, ...HOME, living_alone: false }], truncated: true }
  const legend = mount(MapLegend, { props: { people: PEOPLE, peopleOld: true, homes }, global: { plugins: [i18n] } })
  expect(legend.text()).toContain('workers: 2 shown, 1 without a position')
  expect(legend.text()).toContain('Too many elders: only some are shown')
  expect(legend.text()).toContain('Positions could not be refreshed')
})
