import { computed } from 'vue'
import { router } from '../router'
import { addressOf, numberInAddress } from '../shell/view'

/** The order whose detail is open. */
export const selectedOrderId = computed(() => numberInAddress('order'))

export function chooseOrder(id: number): void {
  void router.push(addressOf('orders', { order: id }))
}

export function chooseNoOrder(): void {
  if (selectedOrderId.value !== null) void router.replace(addressOf('orders'))
}
