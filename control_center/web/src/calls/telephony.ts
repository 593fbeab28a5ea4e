import { readonly, ref } from 'vue'
import { api } from '../contract/api'

const possible = ref(false)

/** Whether calls can be placed from here: a provider is set up, and a telephone stands at the seat. */
export const canDial = readonly(possible)

/** Asks once more; while there is no answer nothing can be dialled. */
export async function learnTelephony(): Promise<void> {
  const found = await api.telephony().catch(() => undefined)
  possible.value = found?.telephony === true && found.extension !== null
}
