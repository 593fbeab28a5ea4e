import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { homeOf } from '../src/session/session'
import zhCN from '../src/messages/zh-CN.json'
import { DECLINE_REASONS, FAIL_REASONS, OFFER_STATES, ORDER_STATES, WELLBEINGS } from '../src/contract/types'
import { TROUBLES } from '../src/worker/locate'

const SOURCE = join(import.meta.dirname, '../src')
const IMPORT = /^\s*(?:import|export)\s(?!type\b)(?:[^'"]*?from\s)?['"]([^'"]+)['"]/gm

/** The packages that a page makes a phone load at once: those of all files that it imports, and they in turn. */
function packagesOf(file: string, seen = new Set<string>(), found = new Set<string>()): Set<string> {
  if (seen.has(file)) return found
  seen.add(file)
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (!name.startsWith('.')) found.add(name)
    else {
      const path = join(dirname(file), name)
      const known = [path, `${path}.ts`].find((candidate) => existsSync(candidate))
      if (known && /\.(ts|vue)$/.test(known)) packagesOf(known, seen, found)
    }
  }
  return found
}

describe('what a phone loads', () => {
  test.each(['main.ts', 'pages/LoginPage.vue', 'pages/WorkerPage.vue', 'pages/FamilyPage.vue'])(
    'with %s holds nothing that only desks need',
    (page) => {
      const packages = [...packagesOf(join(SOURCE, page))]
      expect(packages).toContain('vue')
      expect(packages.filter((name) => /^(element-plus|uplot|maplibre-gl)/.test(name))).toEqual([])
    },
  )

  test('is told apart from what a desk loads', () => {
    expect([...packagesOf(join(SOURCE, 'pages/DeskFrame.vue'))]).toContain('element-plus')
  })
})

test('a desk loads the map only when it opens one', () => {
  const packages = (page: string) => [...packagesOf(join(SOURCE, page))]
  expect(packages('pages/ConsolePage.vue')).toContain('element-plus')
  expect(packages('pages/ConsolePage.vue').filter((name) => name.startsWith('maplibre-gl'))).toEqual([])
  expect(packages('map/DistrictMap.vue')).toContain('maplibre-gl')
})

test('workers and families begin on their phone pages', () => {
  expect([homeOf('worker'), homeOf('family')]).toEqual(['/worker', '/family'])
})

describe('the words of the phone pages', () => {
  const { worker, family } = zhCN
  test.each([
    ['decline', worker.decline, DECLINE_REASONS],
    ['fail', worker.fail, FAIL_REASONS],
    ['position', worker.position, TROUBLES],
    ['checkIn', worker.checkIn, TROUBLES],
    ['offer', { open: '', ...worker.offer.left }, OFFER_STATES],
    ['wellbeing', family.wellbeing, WELLBEINGS],
    ['visit', family.visit, ORDER_STATES],
    ['failed', family.failed, FAIL_REASONS],
  ])('name every code: %s', (_, words, codes) => {
    expect(codes.filter((code) => !(code in words))).toEqual([])
  })
})
