import { onMounted, onUnmounted, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { onNews, stale } from '../feed/store'
import { failureText } from '../session/words'
import { learnServerTime } from '../time/clock'
import { Refetch } from './refetch'

export interface Stamped {
  server_time: string
}

/** Something fetched by HTTP that is kept true. */
export interface Fetched<Content> {
  content: Readonly<ShallowRef<Content | null>>
  /** Why the content is missing or old, in words; empty when it is neither. */
  failure: Readonly<Ref<string>>
  refetch: () => void
}

export interface Keeping {
  /** Ms after which it is fetched though nobody told of a change. */
  period?: number
  /** Not fetched while nobody looks at the page. */
  onlySeen?: boolean
}

/** Fetches something for the calling component, and anew whenever the feed tells of a change or the page is seen again. */
export function useFetched<Content extends Stamped>(fetch: () => Promise<Content>, keeping: Keeping = {}): Fetched<Content> {
  const content: ShallowRef<Content | null> = shallowRef(null)
  const failure = ref('')
  const isSeen = () => document.visibilityState === 'visible'
  const keeper = new Refetch(async () => {
    if (keeping.onlySeen && !isSeen()) return true
    try {
      content.value = await fetch()
      failure.value = ''
      learnServerTime(content.value.server_time)
      return true
    } catch (error) {
      failure.value = failureText(error)
      return false
    }
  }, keeping.period)
  const stopListening = onNews((frame) => {
    if (frame.type !== 'tick') keeper.soon()
  })
  const look = () => {
    if (isSeen()) keeper.soon()
  }
  watch(stale, (isStale) => {
    if (!isStale) keeper.soon()
  })
  onMounted(() => {
    keeper.start()
    document.addEventListener('visibilitychange', look)
  })
  onUnmounted(() => {
    stopListening()
    keeper.stop()
    document.removeEventListener('visibilitychange', look)
  })
  return { content, failure, refetch: () => keeper.soon() }
}
