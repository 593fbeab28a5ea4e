import { onUnmounted, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '../contract/api'
import type { ElderCard, VitalsPoint } from '../contract/types'
import { failureText } from '../session/words'

export const VITALS_HOURS = 24
/** Every look at health data is recorded by the server, so an open page asks no more often than this. */
const REFRESH_MS = 60_000

/** The elder's card and last day of vitals, refreshed while the calling component is on the page. */
export function useElder(id: Ref<number>) {
  const elder = shallowRef<ElderCard | null>(null)
  const points = shallowRef<VitalsPoint[] | null>(null)
  const problem = ref('')

  async function load(): Promise<void> {
    const wanted = id.value
    try {
      const [card, vitals] = await Promise.all([api.elder(wanted), api.vitals(wanted, VITALS_HOURS)])
      if (wanted !== id.value) return
      elder.value = card
      points.value = vitals.points
      problem.value = ''
    } catch (error) {
      if (wanted === id.value && elder.value === null) problem.value = failureText(error)
    }
  }

  /** Takes a card that the server has just answered a command with. */
  function accept(card: ElderCard): void {
    elder.value = card
  }

  watch(
    id,
    () => {
      elder.value = points.value = null
      void load()
    },
    { immediate: true },
  )
  const timer = setInterval(() => void load(), REFRESH_MS)
  onUnmounted(() => clearInterval(timer))
  return { elder, points, problem, accept }
}
