import { onMounted, onUnmounted } from 'vue'
import { api } from '../../contract/api'
import { Outbox } from './outbox'
import { fleeting, kept } from './store'

const RETRY_MS = 8_000

/** The outbox of this phone. */
export const outbox = new Outbox(typeof indexedDB === 'undefined' ? fleeting() : kept(), {
  report: async (steps) => (await api.reportSteps(steps)).steps,
  sendPhoto: (order_id, picture, captured_at) => api.sendPhoto(order_id, picture, captured_at),
})

/** Sends what waits while the calling page is open: at once, when the network is back, and every few seconds. */
export function useOutbox(): void {
  let timer: ReturnType<typeof setInterval> | undefined
  const flush = () => void outbox.flush().catch(() => undefined)

  onMounted(async () => {
    await outbox.restore().catch(() => undefined)
    flush()
    timer = setInterval(() => outbox.count.value > 0 && flush(), RETRY_MS)
    window.addEventListener('online', flush)
  })
  onUnmounted(() => {
    clearInterval(timer)
    window.removeEventListener('online', flush)
  })
}
