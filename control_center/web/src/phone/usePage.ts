import { onMounted, onUnmounted, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { onNews, startFeed, stale, stopFeed } from '../feed/store'
import { endSession } from '../router'
import { failureText } from '../session/words'
import { learnServerTime } from '../time/clock'
import { dismissAll } from './notices'
import { Refetch } from './refetch'

interface Stamped {
  server_time: string
}

/** What a phone page is made of beside the feed. */
export interface Page<Content> {
  content: Readonly<ShallowRef<Content | null>>
  /** Why the content is missing or old, in words; empty when it is neither. */
  failure: Readonly<Ref<string>>
  refetch: () => void
}

/** Opens the feed for the calling page and fetches its content anew whenever the feed tells of a change. */
export function usePage<Content extends Stamped>(fetch: () => Promise<Content>): Page<Content> {
  const content: ShallowRef<Content | null> = shallowRef(null)
  const failure = ref('')
  const keeper = new Refetch(async () => {
    try {
      content.value = await fetch()
      failure.value = ''
      learnServerTime(content.value.server_time)
      return true
    } catch (error) {
      failure.value = failureText(error)
      return false
    }
  })
  const stopListening = onNews((frame) => {
    if (frame.type !== 'tick') keeper.soon()
  })
  const look = () => {
    if (document.visibilityState === 'visible') keeper.soon()
  }
  watch(stale, (isStale) => {
    if (!isStale) keeper.soon()
  })
  onMounted(() => {
    startFeed(endSession)
    keeper.start()
    document.addEventListener('visibilitychange', look)
  })
  onUnmounted(() => {
    stopListening()
    keeper.stop()
    stopFeed()
    dismissAll()
    document.removeEventListener('visibilitychange', look)
  })
  return { content, failure, refetch: () => keeper.soon() }
}
