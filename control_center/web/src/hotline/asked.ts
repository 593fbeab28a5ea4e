import { shallowRef } from 'vue'
import type { CallCard } from '../contract/types'

/** Whether somebody orders by telephone now, and on which call, if the call is known. */
export const hotlineAsked = shallowRef<{ callId: number | null } | null>(null)

/** Opens the dialog for the call that one speaks on; without one, whoever calls is typed in. */
export function askHotline(calls: readonly CallCard[], accountId: number | undefined): void {
  const spoken = calls.find((call) => call.state === 'answered' && call.account?.id === accountId)
  hotlineAsked.value = { callId: spoken?.id ?? null }
}
