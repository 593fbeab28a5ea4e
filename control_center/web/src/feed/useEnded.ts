import { onMounted, onUnmounted, ref, shallowRef } from 'vue'
import type { Frame } from '../contract/types'
import { showFailure } from '../session/failure'
import { onNews } from './store'

const PAGE = 50

/**
 * What has ended, newest first and a page at a time: `fetch` asks for a page of those before an id, `isNews` tells
 * whether a frame adds one. `more` says whether there are older ones, which `load` gets by the oldest id shown.
 */
export function useEnded<Card extends { id: number }>(
  fetch: (limit: number, before?: number) => Promise<Card[]>,
  isNews: (frame: Frame) => boolean,
) {
  const cards = shallowRef<Card[]>([])
  const loading = ref(true)
  const more = ref(false)

  async function load(before?: number): Promise<void> {
    loading.value = true
    try {
      const page = await fetch(PAGE, before)
      if (before !== undefined || cards.value.length === 0) more.value = page.length === PAGE
      cards.value = before === undefined ? merge(page, cards.value) : merge(cards.value, page)
    } catch (error) {
      showFailure(error)
    } finally {
      loading.value = false
    }
  }

  /** `first`, then what `then` has beyond it; what both hold is taken from the fresher page. */
  function merge(first: Card[], then: Card[]): Card[] {
    const known = new Set(first.map((card) => card.id))
    return [...first, ...then.filter((card) => !known.has(card.id))]
  }

  const stop = onNews((frame) => {
    if (frame.type === 'snapshot' || isNews(frame)) void load()
  })
  onMounted(() => load())
  onUnmounted(stop)
  return { cards, loading, more, load }
}
