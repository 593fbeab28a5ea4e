import { api } from '../contract/api'
import { assigningApi } from '../contract/assigning'
import { versionOf, type Board } from '../feed/board'
import { commandsOn } from '../feed/commands'
import type { StaffStep } from './steps'

/** Steps on an ended order leave no trace on the board; the answer itself is their proof. */
function isShown(board: Board, id: number, _step: StaffStep, since: number): boolean {
  return !board.order.cards.has(id) || versionOf(board, 'order', id) > since
}

const { underWay, perform } = commandsOn<StaffStep>('order', isShown)

export { underWay as ordersUnderWay }

/** Each resolves to true once accepted by the server; a refusal is shown and resolves to false. */
export const orderActions = {
  cancel: (id: number, reason: string, forElder: boolean) =>
    perform(id, 'cancel', () => api.cancelOrder(id, reason, forElder)),
  assign: (id: number, workerId: number, reason: string, agreed: boolean) =>
    perform(id, 'assign', () => assigningApi.assign(id, workerId, reason, agreed)),
  reassign: (id: number, reason: string) => perform(id, 'reassign', () => api.reassignOrder(id, reason)),
  search: (id: number) => perform(id, 'search', () => api.searchAgain(id)),
  confirm: (id: number) => perform(id, 'confirm', () => api.confirmOrder(id)),
}
