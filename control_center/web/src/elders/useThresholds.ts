import { ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '../contract/api'
import type { ElderThresholds } from '../contract/types'
import { showFailure } from '../session/failure'
import { failureText } from '../session/words'

/** An elder's limits, read once and again with the answer of each command. */
export function useThresholds(id: Ref<number>) {
  const limits = shallowRef<ElderThresholds | null>(null)
  const problem = ref('')
  const busy = ref(false)

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const found = await api.thresholds(wanted)
      if (wanted === id.value) limits.value = found
    } catch (error) {
      if (wanted === id.value) problem.value = failureText(error)
    }
  }

  /** Carries out a command and shows what it answers; whether it was carried out. */
  async function perform(command: () => Promise<ElderThresholds>): Promise<boolean> {
    const wanted = id.value
    busy.value = true
    try {
      const found = await command()
      if (wanted === id.value) limits.value = found
      return true
    } catch (error) {
      showFailure(error)
      return false
    } finally {
      busy.value = false
    }
  }

  watch(
    id,
    () => {
      limits.value = null
      problem.value = ''
      void load()
    },
    { immediate: true },
  )
  return { limits, problem, busy, perform }
}
