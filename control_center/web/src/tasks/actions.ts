import { api } from '../contract/api'
import { commandsOn } from '../feed/commands'
import { versionOf } from '../feed/board'

export type TaskAction = 'take' | 'complete'

const { underWay, perform } = commandsOn<TaskAction>('task', (board, id, action, since) => {
  if (!board.task.cards.has(id)) return true
  return action === 'take' && versionOf(board, 'task', id) > since
})

export { underWay }

/** Each resolves to true once accepted by the server; a refusal is shown and resolves to false. */
export const taskActions = {
  take: (id: number) => perform(id, 'take', () => api.takeTask(id)),
  complete: (id: number, outcome: string, note: string | null) =>
    perform(id, 'complete', () => api.completeTask(id, outcome, note)),
}
