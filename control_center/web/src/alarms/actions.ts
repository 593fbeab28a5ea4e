import { api } from '../contract/api'
import type { Outcome } from '../contract/types'
import { commandsOn } from '../feed/commands'
import { isConfirmed } from './confirmation'

const { underWay, perform } = commandsOn('alarm', isConfirmed)

export { underWay }

/** Each resolves to true once accepted by the server; a refusal is shown and resolves to false. */
export const alarmActions = {
  acknowledge: (id: number) => perform(id, 'acknowledge', () => api.acknowledge(id)),
  dispatch: (id: number) => perform(id, 'dispatch', () => api.dispatch(id)),
  note: (id: number, text: string) => perform(id, 'note', () => api.note(id, text)),
  resolve: (id: number, outcome: Outcome, note: string | null) =>
    perform(id, 'resolve', () => api.resolve(id, outcome, note)),
}
