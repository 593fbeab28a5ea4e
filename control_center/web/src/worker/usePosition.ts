import { onUnmounted, ref, watch, type Ref } from 'vue'
import { api } from '../contract/api'
import { locate, type Trouble } from './locate'
import { PositionReporter } from './reporter'

/** What the page says about the reporting of positions. */
export interface Reporting {
  state: 'off' | 'waiting' | 'sent' | 'trouble'
  /** Of the last report, in metres. */
  accuracy: number | null
  trouble: Trouble | null
}

const OFF: Reporting = { state: 'off', accuracy: null, trouble: null }

/** Reports the phone's position while `wanted`, until the calling page is left. */
export function usePosition(wanted: Readonly<Ref<boolean>>): Ref<Reporting> {
  const reporting = ref<Reporting>(OFF)
  let reporter: PositionReporter | null = null

  function begin(): void {
    reporting.value = { ...OFF, state: 'waiting' }
    reporter = new PositionReporter({
      locate,
      send: api.reportPosition,
      onSent: (spot) => (reporting.value = { state: 'sent', accuracy: Math.round(spot.accuracy_m), trouble: null }),
      onTrouble: (trouble) => (reporting.value = { state: 'trouble', accuracy: null, trouble }),
    })
    reporter.start()
  }

  function end(): void {
    reporter?.stop()
    reporter = null
    reporting.value = OFF
  }

  watch(wanted, (isWanted) => (isWanted ? begin() : end()), { immediate: true })
  onUnmounted(end)
  return reporting
}
