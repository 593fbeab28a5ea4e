import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError } from '../contract/api'
import type { Subject } from '../contract/types'
import { failureText } from '../session/words'
import { versionOf, type Shelf } from './board'
import { board } from './store'

/**
 * An alarm or order `id` with what happened to it. The card comes from the feed (`shelf`) while it is open; the rest,
 * and the card of an ended one, are asked for again after each of its events.
 */
export function useDetail<Card extends { id: number }, Detail extends { card: Card }>(
  subject: Subject,
  id: Ref<number>,
  shelf: () => Shelf<Card>,
  fetch: (id: number) => Promise<Detail>,
) {
  const fetched = shallowRef<Detail | null>(null)
  const problem = ref('')

  const version = computed(() => versionOf(board.value, subject, id.value))
  const detail = computed(() => (fetched.value?.card.id === id.value ? fetched.value : null))
  const card = computed<Card | null>(
    () => shelf().cards.get(id.value) ?? detail.value?.card ?? shelf().departed.get(id.value)?.card ?? null,
  )

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const answer = await fetch(wanted)
      if (wanted !== id.value) return
      fetched.value = answer
      problem.value = ''
    } catch (error) {
      const gone = error instanceof ApiError && (error.status === 404 || error.status === 403)
      if (wanted === id.value && (gone || fetched.value === null)) problem.value = failureText(error)
    }
  }

  watch([id, version], load, { immediate: true })
  return { card, detail, problem, reload: load }
}
