import { computed } from 'vue'
import { workDayApi, type HallEntry } from '../contract/workDay'
import { board } from '../feed/store'
import { perform } from '../phone/perform'
import { useFetched } from '../phone/useFetched'
import { serverSecond } from '../time/clock'
import { stillOpen } from './hall'

/** The feed tells a worker of her own orders only: what others may take as well is asked for while she looks. */
const PERIOD_MS = 20_000

/** The orders that the worker may take if nobody is quicker, and how she does. */
export function useHall() {
  const { content, refetch } = useFetched(workDayApi.hall, { period: PERIOD_MS, onlySeen: true })
  const entries = computed(() => stillOpen(content.value?.orders ?? [], board.value.order.cards, serverSecond.value))
  const left = computed(() => content.value?.left ?? 0)

  /** Takes one; that somebody else was quicker is told in the service's words, and what is left is asked for anew. */
  async function take(entry: HallEntry): Promise<void> {
    await perform('order', entry.order_id, () => workDayApi.take(entry.order_id))
    refetch()
  }
  return { entries, left, take }
}
