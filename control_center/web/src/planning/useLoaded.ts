import { onMounted, onUnmounted, ref, shallowRef } from 'vue'
import { failureText } from '../session/words'

/**
 * What `ask` answers: asked when the component is there, on `load()`, and every `everyMs` if that is given.
 * A failed asking leaves the last answer in place and says why in `problem`.
 */
export function useLoaded<T>(ask: () => Promise<T>, everyMs = 0) {
  const value = shallowRef<T | null>(null)
  const problem = ref('')
  const loading = ref(false)
  let turn = 0
  let timer: ReturnType<typeof setInterval> | undefined

  async function load(): Promise<void> {
    const mine = ++turn
    loading.value = true
    try {
      const answer = await ask()
      if (mine !== turn) return
      value.value = answer
      problem.value = ''
    } catch (error) {
      if (mine === turn) problem.value = failureText(error)
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  onMounted(() => {
    if (everyMs > 0) timer = setInterval(load, everyMs)
    return load()
  })
  onUnmounted(() => {
    turn += 1
    clearInterval(timer)
  })

  return { value, problem, loading, load }
}
