import { onMounted, onUnmounted, ref, shallowRef, watch } from 'vue'
import { hotlineApi, type HotlineSheet, type HotlineSheets } from '../contract/hotline'
import { failureText } from '../session/words'

const PAUSE_MS = 200

/** Looks up for whom somebody calls: whoever the call is about, and as soon as something is typed whom that fits. */
export function useLookUp(callId: number | null) {
  const typed = ref('')
  const sheets = shallowRef<readonly HotlineSheet[]>([])
  const looked = ref(false)
  const more = ref(false)
  const problem = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0

  /** An answer counts only as long as nothing was asked after it. */
  async function look(ask: () => Promise<HotlineSheets>): Promise<void> {
    const mine = ++asked
    try {
      const found = await ask()
      if (mine !== asked) return
      sheets.value = found.sheets
      more.value = found.truncated
      looked.value = true
      problem.value = ''
    } catch (error) {
      if (mine === asked) problem.value = failureText(error)
    }
  }

  watch(typed, (words) => {
    clearTimeout(timer)
    const wanted = words.trim()
    if (wanted !== '') {
      timer = setTimeout(() => void look(() => hotlineApi.typed(wanted)), PAUSE_MS)
      return
    }
    asked += 1
    sheets.value = []
    looked.value = more.value = false
  })
  onMounted(() => {
    if (callId !== null) void look(() => hotlineApi.ofCall(callId))
  })
  onUnmounted(() => {
    clearTimeout(timer)
    asked += 1
  })
  return { typed, sheets, looked, more, problem }
}
