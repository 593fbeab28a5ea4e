import { shallowRef } from 'vue'

/** What a reason or note holds at most, as the server counts it. */
export const LONGEST_REASON = 500

/** The order whose cancelling or reassigning is being given a reason. */
export const reasonAsked = shallowRef<{ step: 'cancel' | 'reassign'; orderId: number } | null>(null)
