// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Complaint, NoShow } from '../src/contract/complaints'
import ComplaintsPage from '../src/pages/ComplaintsPage.vue'
import { router } from '../src/router'
import { forgetSession, signIn } from '../src/session/session'
import { at } from './cards'
import { Phone } from './phone'
import { everyOutside, outside, press, say, send } from './planning'

vi.mock('../src/router', async () => {
  const { createMemoryHistory, createRouter } = await import('vue-router')
  const routes = [{ path: '/:rest(.*)*', component: { template: '<i />' } }]
  return { router: createRouter({ history: createMemoryHistory(), routes }), endSession: () => undefined }
})

const complaint = (changes: Partial<Complaint> = {}): Complaint => ({
  id: 3,
  order_id: 5,
  elder: { id: 8, name: 'Wang' },
  item_zh: '助浴',
  item_en: 'Bath',
  window_from: at(-90_000),
  worker: 'Qian',
  provider: 'Jinyun',
  kind: 'too_short',
  words: 'She left after ten minutes.',
  complainer: 'family',
  made_at: at(-3600),
  made_by: { id: 2, name: 'Liu' },
  due_at: at(7200),
  verdict: null,
  decided_at: null,
  decided_by: null,
  answer: null,
  refund_fen: 0,
  penalty_fen: 0,
  rework_id: null,
  ...changes,
})

const noShow = (changes: Partial<NoShow> = {}): NoShow => ({
  id: 4,
  order_id: 6,
  elder: { id: 8, name: 'Wang' },
  worker: 'Qian',
  provider: 'Jinyun',
  at: at(-3600),
  reason: 'worker_no_show',
  blame: 'provider',
  elder_fen: 0,
  provider_fen: 0,
  penalty_fen: 2100,
  evidence: {},
  decided_by: null,
  note: null,
  replaces: null,
  standing: true,
  ...changes,
})

let desk: Phone

async function open(view: string, role: 'supervisor' | 'operator' = 'supervisor'): Promise<void> {
  desk.answers.set('POST /session', { account: { id: 1, username: 's', name: 'S', role }, organisation: null, server_time: at(0) })
  await signIn('s', 'secret')
  await router.push(`/complaints?view=${view}`)
  await desk.open(ComplaintsPage)
}

beforeEach(() => {
  desk = new Phone()
})
afterEach(() => {
  desk.close()
  forgetSession()
  document.body.replaceChildren()
})

describe('open complaints', () => {
  test('show the words as they were said, whose they are, and until when to decide', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint()] })
    await open('open')
    const row = desk.find('complaint').text()
    expect(row).toContain('Too short')
    expect(row).toContain('from the family')
    expect(row).toContain('She left after ten minutes.')
    expect(row).toContain('To be decided by')
  })

  test('that are overdue say so in words', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint({ due_at: at(-60) })] })
    await open('open')
    expect(desk.find('complaint').text()).toContain('⚠ Overdue')
  })

  test('are decided by supervisors alone, and not by who took them down', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint(), complaint({ id: 4, made_by: { id: 1, name: 'S' } })] })
    await open('open')
    expect(desk.all('complaint-decide')).toHaveLength(1)
    expect(desk.find('complaint-own').text()).toContain('another supervisor')
    desk.close()
    forgetSession()
    document.body.replaceChildren()
    desk = new Phone()
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint()] })
    await open('open', 'operator')
    expect(desk.all('complaint-decide')).toHaveLength(0)
  })

  test('an upheld one takes its remedy along, in fen and UTC', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint()] })
    await open('open')
    await desk.tap('complaint-decide')
    await press('verdict-upheld')
    await say(outside('decide-answer'), ' We are sorry. ')
    await say(outside('decide-refund'), '15.5')
    await say(outside('decide-penalty'), '20')
    await say(outside('rework-from-day'), '2026-11-25')
    await say(outside('rework-from-time'), '09:00')
    desk.answers.set('POST /complaints/3/decide', { complaint: complaint({ verdict: 'upheld' }) })
    await send('decide-form')
    expect(desk.sent('POST /complaints/3/decide')).toEqual([
      {
        verdict: 'upheld',
        answer: 'We are sorry.',
        refund_fen: 1550,
        penalty_fen: 2000,
        rework_from: '2026-11-25T01:00:00.000Z',
        rework_to: null,
      },
    ])
  })

  test('a dismissed one takes none along, even when it was typed before', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint()] })
    await open('open')
    await desk.tap('complaint-decide')
    await press('verdict-upheld')
    await say(outside('decide-refund'), '15.5')
    await press('verdict-dismissed')
    await say(outside('decide-answer'), 'The records show an hour.')
    expect(outside('decide-remedy')).toBeNull()
    desk.answers.set('POST /complaints/3/decide', { complaint: complaint({ verdict: 'dismissed' }) })
    await send('decide-form')
    expect(desk.sent('POST /complaints/3/decide')).toEqual([
      { verdict: 'dismissed', answer: 'The records show an hour.', refund_fen: 0, penalty_fen: 0, rework_from: null, rework_to: null },
    ])
  })

  test('a decision without a verdict, or refused, stays in the form', async () => {
    desk.answers.set('GET /complaints?view=open', { complaints: [complaint()] })
    await open('open')
    await desk.tap('complaint-decide')
    await send('decide-form')
    expect(outside('decide-form-problem')?.textContent).toContain('Choose a verdict')
    expect(desk.sent('POST /complaints/3/decide')).toEqual([])
    await press('verdict-upheld')
    await say(outside('decide-answer'), 'Yes')
    desk.answers.set('POST /complaints/3/decide', { status: 409, error: { code: 'too_much', message: 'More than was paid.' } })
    await send('decide-form')
    expect(outside('decide-form-problem')?.textContent).toContain('More than was paid.')
  })
})

test('a decided complaint shows the answer and what followed', async () => {
  const decided = { verdict: 'upheld' as const, decided_at: at(-60), decided_by: 'S', answer: 'Sorry.', refund_fen: 1550, penalty_fen: 2000, rework_id: 77 }
  desk.answers.set('GET /complaints?view=decided', { complaints: [complaint(decided)] })
  await open('decided')
  const answer = desk.find('complaint-answer').text()
  for (const told of ['Upheld', 'Sorry.', 'CN¥15.50 refunded', 'CN¥20 taken off', 'Rework: order 77']) expect(answer).toContain(told)
})

test('older complaints are fetched from the last one on', async () => {
  const page = Array.from({ length: 50 }, (_, index) => complaint({ id: 100 - index }))
  desk.answers.set('GET /complaints?view=decided', { complaints: page })
  desk.answers.set('GET /complaints?view=decided&before=51', { complaints: [complaint({ id: 50 })] })
  await open('decided')
  await desk.tap('complaints-older')
  expect(desk.all('complaint')).toHaveLength(51)
  expect(desk.find('complaints-older').exists()).toBe(false)
})

describe('no-shows', () => {
  test('say who is to blame and what it came to; only a standing case is judged anew', async () => {
    desk.answers.set('GET /no-shows?', { cases: [noShow({ id: 9, replaces: 4, decided_by: 'S', note: 'flood', blame: 'nobody' }), noShow({ standing: false })] })
    await open('noShows')
    const [newer, older] = desk.all('no-show').map((row) => row.text())
    expect(newer).toContain('nobody')
    expect(newer).toContain('flood')
    expect(older).toContain('another stands in for it')
    expect(desk.all('no-show-reassess')).toHaveLength(1)
  })

  test('a case is seen otherwise with reason, blame and note', async () => {
    desk.answers.set('GET /no-shows?', { cases: [noShow()] })
    await open('noShows')
    await desk.tap('no-show-reassess')
    await say(outside('reassess-reason'), 'unsafe')
    await say(outside('reassess-blame'), 'nobody')
    await say(outside('reassess-note'), ' flood ')
    desk.answers.set('POST /no-shows/4/reassess', noShow({ id: 5 }))
    await send('reassess-form')
    expect(desk.sent('POST /no-shows/4/reassess')).toEqual([{ reason: 'unsafe', blame: 'nobody', note: 'flood' }])
    expect(everyOutside('reassess-form')).toHaveLength(0)
  })
})
