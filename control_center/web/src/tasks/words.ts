import { useI18n } from 'vue-i18n'
import type { TaskCard } from '../contract/types'
import { useLabels, type CodeFamily } from '../session/labels'
import { useTimes } from '../time/useTimes'

/** What is plain text in a task's detail. */
const TEXTS = ['rota', 'name', 'party_name', 'provider', 'worker', 'number', 'last_day', 'month', 'why', 'reason'] as const

/** The codes of a kind's detail, and the family of messages that names them. */
const CODES: Record<string, readonly (readonly [string, CodeFamily])[]> = {
  breach_review: [['promise', 'stage']],
  complaint: [['about', 'complaints.kind']],
}

/** Says a task's detail in words, for the kinds that have some; the rest is told by its kind and its elder. */
export function useTaskWords() {
  const { t } = useI18n()
  const label = useLabels()
  const { moment } = useTimes()

  function coded(task: TaskCard): string[] {
    if (task.kind === 'certificate') {
      const { of, kind } = task.detail
      const family = String(of).startsWith('worker:') ? 'orders.skill' : 'pool.document'
      return typeof kind === 'string' ? [label(family, kind)] : []
    }
    return (CODES[task.kind] ?? []).flatMap(([name, family]) => {
      const code = task.detail[name]
      return typeof code === 'string' ? [label(family, code)] : []
    })
  }

  function timed({ detail }: TaskCard): string[] {
    const told: string[] = []
    if (typeof detail.began_at === 'string' && typeof detail.ended_at === 'string') {
      told.push(t('planning.span', { from: moment(detail.began_at), to: moment(detail.ended_at) }))
    }
    if (typeof detail.window_from === 'string') told.push(t('task.windowFrom', { time: moment(detail.window_from) }))
    if (typeof detail.departed_at === 'string') told.push(t('task.departedAt', { time: moment(detail.departed_at) }))
    if (typeof detail.arrived_at === 'string') told.push(t('task.arrivedAt', { time: moment(detail.arrived_at) }))
    if (typeof detail.score === 'number') told.push(t('task.score', { score: detail.score }))
    if (typeof detail.times === 'number' && detail.times > 1) told.push(t('task.times', { count: detail.times }))
    return told
  }

  return (task: TaskCard): string[] => {
    const texts = TEXTS.map((name) => task.detail[name])
    return [...coded(task), ...texts.filter((word): word is string => typeof word === 'string' && word !== ''), ...timed(task)]
  }
}

/** Where a task of some kinds is done, and what the way there is called; null for those that are done in the list. */
export function pageOf(task: TaskCard): { to: string; words: string } | null {
  if (task.kind === 'complaint') return { to: '/complaints', words: 'complaints.title' }
  if (task.kind === 'settlement') return { to: `/settlement?month=${String(task.detail.month ?? '')}`, words: 'money.title' }
  if (task.kind === 'certificate') return { to: '/providers', words: 'pool.title' }
  return null
}

/** The worker whose findings a task is about, or null when it is about none. */
export function suspectOf(task: TaskCard): number | null {
  const id = task.detail.worker_id
  return task.kind === 'fraud_review' && typeof id === 'number' ? id : null
}

/** Kinds whose tasks end by what is decided on their page, so that the list offers no end of its own. */
export const DONE_ELSEWHERE: readonly string[] = ['complaint', 'settlement']
