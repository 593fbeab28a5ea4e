import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError, api } from '../contract/api'
import type { OrderCard, OrderDetail } from '../contract/types'
import { versionOf } from '../feed/board'
import { board } from '../feed/store'
import { failureText } from '../session/words'

/**
 * The order `id`, what happened to it and who was asked. The card comes from the feed while the order is open; the
 * rest, and the card of an ended order, are asked for again after each event of the order.
 */
export function useOrder(id: Ref<number>) {
  const fetched = shallowRef<OrderDetail | null>(null)
  const problem = ref('')

  const version = computed(() => versionOf(board.value, 'order', id.value))
  const detail = computed(() => (fetched.value?.card.id === id.value ? fetched.value : null))
  const card = computed<OrderCard | null>(
    () =>
      board.value.order.cards.get(id.value) ??
      detail.value?.card ??
      board.value.order.departed.get(id.value)?.card ??
      null,
  )

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const answer = await api.order(wanted)
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
