import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError, api } from '../contract/api'
import type { AlarmCard, AlarmWithTimeline } from '../contract/types'
import { versionOf } from '../feed/board'
import { board } from '../feed/store'
import { failureText } from '../session/words'

/**
 * The alarm `id` and its timeline. The card comes from the feed while the alarm is open; its timeline, and the
 * card of an ended alarm, are asked for again after each event of the alarm.
 */
export function useAlarm(id: Ref<number>) {
  const fetched = shallowRef<AlarmWithTimeline | null>(null)
  const problem = ref('')

  const version = computed(() => versionOf(board.value, 'alarm', id.value))
  const card = computed<AlarmCard | null>(
    () =>
      board.value.alarm.cards.get(id.value) ??
      (fetched.value?.card.id === id.value ? fetched.value.card : null) ??
      board.value.alarm.departed.get(id.value)?.card ??
      null,
  )
  const detail = computed(() => (fetched.value?.card.id === id.value ? fetched.value : null))
  const timeline = computed(() => detail.value?.timeline ?? null)
  const offers = computed(() => detail.value?.offers ?? [])

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const answer = await api.alarm(wanted)
      if (wanted !== id.value) return
      fetched.value = answer
      problem.value = ''
    } catch (error) {
      const gone = error instanceof ApiError && (error.status === 404 || error.status === 403)
      if (wanted === id.value && (gone || fetched.value === null)) problem.value = failureText(error)
    }
  }

  watch([id, version], load, { immediate: true })
  return { card, timeline, offers, problem }
}
