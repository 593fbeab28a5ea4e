import { ref } from 'vue'
import { useLoaded } from '../planning/useLoaded'
import { failureText } from '../session/words'

/** How many a page of the service holds unless asked otherwise. */
const PAGE = 50

/** A list that the service gives newest first and page by page: its first page, and older ones on demand. */
export function usePages<T extends { id: number }>(ask: (before?: number) => Promise<T[]>) {
  const more = ref(false)
  const fetching = ref(false)
  const { value: found, problem, load } = useLoaded(async () => {
    const first = await ask()
    more.value = first.length === PAGE
    return first
  })

  async function older(): Promise<void> {
    const known = found.value
    const last = known?.at(-1)
    if (known === null || last === undefined || fetching.value) return
    fetching.value = true
    try {
      const page = await ask(last.id)
      more.value = page.length === PAGE
      found.value = [...known, ...page]
    } catch (error) {
      problem.value = failureText(error)
    } finally {
      fetching.value = false
    }
  }

  return { found, problem, more, load, older }
}
