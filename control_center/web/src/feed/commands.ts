import { shallowReactive, watch } from 'vue'
import type { Subject } from '../contract/types'
import { i18n } from '../i18n'
import { showFailure, showWarning } from '../session/failure'
import { versionOf, type Board } from './board'
import { board } from './store'

/** Ms to wait for the feed to show an accepted command before the operator is told that it has not. */
const CONFIRM_MS = 8_000

/** True once the board itself shows what the command did; `since` is the card's version when it was sent. */
export type IsShown<Command> = (board: Board, id: number, command: Command, since: number) => boolean

/** Commands on the cards of one subject; at most one at a time for each card. */
export interface Commands<Command> {
  /** The command under way for each card: from the press until the feed shows its effect. */
  underWay: ReadonlyMap<number, Command>
  /** Resolves to true once accepted by the server; a refusal is shown and resolves to false. */
  perform: (id: number, command: Command, send: () => Promise<unknown>) => Promise<boolean>
}

export function commandsOn<Command>(subject: Subject, isShown: IsShown<Command>): Commands<Command> {
  const underWay = shallowReactive(new Map<number, Command>())

  async function perform(id: number, command: Command, send: () => Promise<unknown>): Promise<boolean> {
    if (underWay.has(id)) return false
    const since = versionOf(board.value, subject, id)
    underWay.set(id, command)
    try {
      await send()
    } catch (error) {
      underWay.delete(id)
      showFailure(error)
      return false
    }
    void finishWhenShown(id, (now) => isShown(now, id, command, since))
    return true
  }

  async function finishWhenShown(id: number, check: (board: Board) => boolean): Promise<void> {
    const shown = await comesTrue(check)
    underWay.delete(id)
    if (!shown) showWarning(i18n.global.t('failure.unconfirmed'))
  }

  return { underWay, perform }
}

/** Waits for the board to satisfy `check`; false when it does not in time. */
function comesTrue(check: (board: Board) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), CONFIRM_MS)
    const stop = watch(board, look)
    function finish(answer: boolean): void {
      clearTimeout(timer)
      stop()
      resolve(answer)
    }
    function look(): void {
      if (check(board.value)) finish(true)
    }
    look()
  })
}
