import { onMounted, onUnmounted, ref, shallowRef } from 'vue'
import { api } from '../contract/api'
import type { FieldPerson } from '../contract/types'

const REFRESH_MS = 10_000

/** The workers whom the caller may see, refreshed while the calling component is on the page and in sight. */
export function useFieldPeople() {
  const people = shallowRef<readonly FieldPerson[]>([])
  /** The last attempt to refresh failed: what is shown is old. */
  const failed = ref(false)

  async function load(): Promise<void> {
    if (document.hidden) return
    try {
      people.value = (await api.people()).people
      failed.value = false
    } catch {
      failed.value = true
    }
  }

  const timer = setInterval(() => void load(), REFRESH_MS)
  document.addEventListener('visibilitychange', load)
  onMounted(load)
  onUnmounted(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', load)
  })
  return { people, failed }
}
