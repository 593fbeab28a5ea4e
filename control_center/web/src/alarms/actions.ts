import { api } from '../contract/api'
import type { CauseOfFalseAlarm, Outcome, ShelveReason } from '../contract/types'
import { commandsOn } from '../feed/commands'
import { isConfirmed } from './confirmation'

const { underWay, perform } = commandsOn('alarm', isConfirmed)

export { underWay }

/** Each resolves to true once accepted by the server; a refusal is shown and resolves to false. */
export const alarmActions = {
  acknowledge: (id: number) => perform(id, 'acknowledge', () => api.acknowledge(id)),
  dispatch: (id: number) => perform(id, 'dispatch', () => api.dispatch(id)),
  note: (id: number, text: string) => perform(id, 'note', () => api.note(id, text)),
  pause: (id: number, reason: string, minutes: number | null, note: string | null) =>
    perform(id, 'pause', () => api.pause(id, reason, minutes, note)),
  resume: (id: number) => perform(id, 'resume', () => api.resume(id)),
  name: (id: number, workerId: number, reason: string, agreed: boolean) =>
    perform(id, 'dispatch', () => api.nameResponder(id, workerId, reason, agreed)),
  claim: (id: number) => perform(id, 'claim', () => api.claim(id)),
  shelve: (id: number, reason: ShelveReason, until: Date, note: string | null) =>
    perform(id, 'shelve', () => api.shelve(id, reason, until.toISOString(), note)),
  resolve: (id: number, outcome: Outcome, cause: CauseOfFalseAlarm | null, note: string | null) =>
    perform(id, 'resolve', () => api.resolve(id, outcome, cause, note)),
}
