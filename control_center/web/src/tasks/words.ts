import type { TaskCard } from '../contract/types'

/** What a task's detail says in plain words, for the kinds that have some; the rest is told by its kind and its elder. */
export function detailWords(task: TaskCard): string[] {
  const { detail } = task
  const told = ['promise', 'rota', 'name', 'party_name', 'provider', 'worker', 'number', 'last_day', 'why'].map((name) => detail[name])
  return told.filter((word): word is string => typeof word === 'string' && word !== '')
}
