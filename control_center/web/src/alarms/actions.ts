import { shallowReactive, watch } from 'vue'
import { api } from '../contract/api'
import type { Outcome } from '../contract/types'
import { board } from '../feed/store'
import { versionOf } from '../feed/board'
import { i18n } from '../i18n'
import { showFailure, showWarning } from '../session/failure'
import { isConfirmed, type Action } from './confirmation'

/** Ms to wait for the feed to show an accepted action before the operator is told that it has not. */
const CONFIRM_MS = 8_000

/** The action under way for each alarm: from the press until the feed shows its effect. */
export const underWay = shallowReactive(new Map<number, Action>())

/** Each resolves to true once accepted by the server; a refusal is shown and resolves to false. */
export const alarmActions = {
  acknowledge: (id: number) => perform(id, 'acknowledge', () => api.acknowledge(id)),
  note: (id: number, text: string) => perform(id, 'note', () => api.note(id, text)),
  resolve: (id: number, outcome: Outcome, note: string | null) =>
    perform(id, 'resolve', () => api.resolve(id, outcome, note)),
}

async function perform(id: number, action: Action, send: () => Promise<unknown>): Promise<boolean> {
  if (underWay.has(id)) return false
  const since = versionOf(board.value, id)
  underWay.set(id, action)
  try {
    await send()
  } catch (error) {
    underWay.delete(id)
    showFailure(error)
    return false
  }
  void finishWhenShown(id, action, since)
  return true
}

async function finishWhenShown(id: number, action: Action, since: number): Promise<void> {
  const shown = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => finish(false), CONFIRM_MS)
    const stop = watch(board, () => check())
    function finish(answer: boolean): void {
      clearTimeout(timer)
      stop()
      resolve(answer)
    }
    function check(): void {
      if (isConfirmed(board.value, id, action, since)) finish(true)
    }
    check()
  })
  underWay.delete(id)
  if (!shown) showWarning(i18n.global.t('failure.unconfirmed'))
}
