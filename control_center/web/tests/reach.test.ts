// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OwnReach, OwnWay } from '../src/contract/types'
import ReachPanel from '../src/reach/ReachPanel.vue'
import { Phone } from './phone'

const way = (id: number, changes: Partial<OwnWay> = {}): OwnWay => ({
  id,
  transport: 'voice',
  address: `+86138000000${id}`,
  verified: true,
  gone: false,
  ready: true,
  ...changes,
})
const reach = (ways: OwnWay[], ready = true): OwnReach => ({
  ways,
  possible: (['web_push', 'voice', 'sms', 'email'] as const).map((transport) => ({ transport, ready, public_key: null })),
  language: 'zh-CN',
})

let page: Phone

async function open(own: OwnReach): Promise<void> {
  page.answers.set('GET /reach', own)
  await page.open(ReachPanel)
  await flushPromises()
}

beforeEach(() => {
  page = new Phone()
})
afterEach(() => page.close())

describe('how somebody is reached', () => {
  test('stands in the order in which it is tried, each with whether it works', async () => {
    await open(reach([way(1), way(2, { transport: 'sms', verified: false }), way(3, { gone: true })]))
    const shown = page.all('reach-way').map((row) => row.find('.state').text())
    expect(shown).toEqual(['works', 'to be proved', 'no longer there'])
  })

  test('is added, and proved by the digits that were sent', async () => {
    await open(reach([]))
    page.answers.set('POST /reach', reach([way(4, { verified: false })]))
    await page.find('reach-transport').setValue('sms')
    await page.find('reach-address').setValue(' 13800000004 ')
    await page.page.find('form.new').trigger('submit')
    await flushPromises()
    expect(page.sent('POST /reach')).toEqual([{ transport: 'sms', address: '13800000004' }])
    page.answers.set('POST /reach/4/verify', reach([way(4)]))
    await page.find('reach-code').setValue('123456')
    await page.page.find('form.code').trigger('submit')
    await flushPromises()
    expect(page.sent('POST /reach/4/verify')).toEqual([{ code: '123456' }])
    expect(page.find('reach-way').text()).toContain('works')
  })

  test('can be tried sooner', async () => {
    await open(reach([way(1), way(2), way(3)]))
    page.answers.set('PUT /reach/order', reach([way(1), way(3), way(2)]))
    await page.all('reach-way')[2]?.find('button').trigger('click')
    await flushPromises()
    expect(page.sent('PUT /reach/order')).toEqual([{ ids: [1, 3, 2] }])
  })

  test('says so where nothing is set up', async () => {
    await open(reach([], false))
    expect(page.find('reach').text()).toContain('has been set up by the administrator')
    expect(page.find('reach-address').exists()).toBe(false)
  })
})
