import type { Ref } from 'vue'
import { api } from '../contract/api'
import type { OrderCard, OrderDetail } from '../contract/types'
import { board } from '../feed/store'
import { useDetail } from '../feed/useDetail'

/** The order `id`, what happened to it and who was asked. */
export function useOrder(id: Ref<number>) {
  return useDetail<OrderCard, OrderDetail>('order', id, () => board.value.order, api.order)
}
