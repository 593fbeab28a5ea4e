import { computed } from 'vue'
import { orders } from '../feed/store'
import { serverSecond } from '../time/clock'
import { countOrders } from './groups'

/** Open orders by need, counted from the feed. */
export const orderCounts = computed(() => countOrders(orders.value.values(), serverSecond.value))
