import { onUnmounted, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '../contract/api'
import type { HomeCard } from '../contract/types'
import { showFailure } from '../session/failure'
import { failureText } from '../session/words'

/** Every look is recorded by the server, so an open page asks no more often than this. */
const REFRESH_MS = 60_000

/** What sensors know of an elder's home, refreshed while the calling component is on the page. */
export function useHome(id: Ref<number>) {
  const home = shallowRef<HomeCard | null>(null)
  const problem = ref('')
  const busy = ref(false)

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const card = await api.home(wanted)
      if (wanted !== id.value) return
      home.value = card
      problem.value = ''
    } catch (error) {
      if (wanted === id.value && home.value === null) problem.value = failureText(error)
    }
  }

  /** Carries out a command and shows the card it is answered with. */
  async function perform(command: () => Promise<HomeCard>): Promise<void> {
    busy.value = true
    try {
      home.value = await command()
    } catch (error) {
      showFailure(error)
    } finally {
      busy.value = false
    }
  }

  watch(
    id,
    () => {
      home.value = null
      void load()
    },
    { immediate: true },
  )
  const timer = setInterval(() => void load(), REFRESH_MS)
  onUnmounted(() => clearInterval(timer))
  return { home, problem, busy, perform }
}
