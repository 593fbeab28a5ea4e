import { computed, type Ref } from 'vue'
import { api } from '../contract/api'
import type { AlarmCard, AlarmWithTimeline } from '../contract/types'
import { board } from '../feed/store'
import { useDetail } from '../feed/useDetail'

/** The alarm `id`, its timeline and who was asked to go. */
export function useAlarm(id: Ref<number>) {
  const { card, detail, problem } = useDetail<AlarmCard, AlarmWithTimeline>(
    'alarm',
    id,
    () => board.value.alarm,
    api.alarm,
  )
  const timeline = computed(() => detail.value?.timeline ?? null)
  const offers = computed(() => detail.value?.offers ?? [])
  return { card, timeline, offers, problem }
}
