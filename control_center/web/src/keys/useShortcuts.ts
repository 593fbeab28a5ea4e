import { onMounted, onUnmounted, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { alarmActions, underWay } from '../alarms/actions'
import { isHelpOpen, openDialog, openForm } from '../alarms/dialogs'
import { chooseNeighbour, chooseNothing, selectedId } from '../alarms/selection'
import { whyNotSend } from '../alarms/response'
import { isEnded } from '../alarms/sla'
import type { AlarmCard } from '../contract/types'
import { drawnElderId } from '../elders/drawer'
import { board, calls, stale } from '../feed/store'
import { askHotline, hotlineAsked } from '../hotline/asked'
import { reasonAsked } from '../orders/dialogs'
import { chooseNoOrder } from '../orders/selection'
import { showWarning } from '../session/failure'
import { session } from '../session/session'
import { serverTime } from '../time/clock'
import { view } from '../shell/view'
import { focusFirst } from '../unrecorded/answering'
import { commandOf, type Command } from './shortcuts'

type ActionCommand = Extract<Command, 'acknowledge' | 'dispatch' | 'note' | 'resolve'>

const STORED_AS = 'anban.single-keys'

/** Single-letter keys can be turned off, as WCAG 2.1.4 asks. */
export const singleKeys = ref(localStorage.getItem(STORED_AS) !== 'off')
watch(singleKeys, (on) => localStorage.setItem(STORED_AS, on ? 'on' : 'off'))

/** Lets the keyboard work the console while the calling component is on the page. */
export function useShortcuts(): void {
  const { t } = useI18n()

  function onKey(event: KeyboardEvent): void {
    const command = commandOf({
      key: event.key,
      ctrl: event.ctrlKey,
      alt: event.altKey,
      meta: event.metaKey,
      typing: isField(event.target),
      covered: isInDialog(event.target) || openForm.value !== null || isHelpOpen.value || drawnElderId.value !== null || reasonAsked.value !== null || hotlineAsked.value !== null,
    })
    // The queue's arrows would take an operator who reads orders away from them.
    if ((view.value === 'orders' || view.value === 'tasks') && (command === 'next' || command === 'previous')) return
    if (command === null || event.repeat && !command.match(/next|previous/)) return
    if (!singleKeys.value && event.key.length === 1) return
    event.preventDefault()
    run(command)
  }

  function run(command: Command): void {
    if (command === 'next') chooseNeighbour(1)
    else if (command === 'previous') chooseNeighbour(-1)
    else if (command === 'help') isHelpOpen.value = true
    else if (command === 'search') document.getElementById('elder-search')?.focus()
    else if (command === 'unrecorded') focusFirst()
    else if (command === 'order') askHotline(calls.value, session.value?.account.id)
    else if (command === 'leave') leave()
    else act(command)
  }

  function leave(): void {
    if (view.value === 'orders') chooseNoOrder()
    else chooseNothing()
  }

  function act(command: ActionCommand): void {
    const card = selectedId.value === null ? undefined : board.value.alarm.cards.get(selectedId.value)
    const refusal = whyNot(command, card)
    if (refusal !== null) showWarning(t(refusal))
    else if (card && !underWay.has(card.id)) {
      if (command === 'acknowledge' || command === 'dispatch') void alarmActions[command](card.id)
      else openDialog(command, card.id)
    }
  }

  onMounted(() => window.addEventListener('keydown', onKey))
  onUnmounted(() => window.removeEventListener('keydown', onKey))
}

/** The message that tells why the selected alarm cannot be acted on, or null when it can. */
function whyNot(command: ActionCommand, card: AlarmCard | undefined): string | null {
  if (stale.value) return 'action.stale'
  if (!card || isEnded(card)) return 'action.nothingSelected'
  if (command === 'note') return null
  if (command === 'dispatch') return whyNotSend(card, serverTime())
  if (card.state === 'pending') return 'candidate.hint'
  if (command === 'acknowledge') return card.state === 'raised' ? null : 'action.alreadyAnswered'
  return card.state === 'raised' ? 'action.answerFirst' : null
}

/** Every dialog keeps the focus: Escape closes it there, and must not take the alarm beneath away as well. */
function isInDialog(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('[role="dialog"]') !== null
}

function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)
}
