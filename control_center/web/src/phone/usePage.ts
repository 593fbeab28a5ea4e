import { onMounted, onUnmounted } from 'vue'
import { startFeed, stopFeed } from '../feed/store'
import { endSession } from '../router'
import { dismissAll } from './notices'
import { useFetched, type Fetched, type Stamped } from './useFetched'

/** Opens the feed for the calling page and keeps true what the page is made of beside it. */
export function usePage<Content extends Stamped>(fetch: () => Promise<Content>): Fetched<Content> {
  onMounted(() => startFeed(endSession))
  onUnmounted(() => {
    stopFeed()
    dismissAll()
  })
  return useFetched(fetch)
}
