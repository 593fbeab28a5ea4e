import { readonly, shallowReactive } from 'vue'
import { ApiError, api } from '../contract/api'
import { showFailure, showWarning } from '../session/failure'
import { i18n } from '../i18n'

const pressed = shallowReactive(new Set<string>())

/** The calls whose acknowledgement is on its way. */
export const underWay = readonly(pressed)

/** Takes a call; the feed shows who has it, to this screen as to the others. */
export async function take(key: string): Promise<void> {
  if (pressed.has(key)) return
  pressed.add(key)
  try {
    await api.takeUnrecorded(key)
  } catch (error) {
    // Recorded in the meantime, it rings as an alarm; the list that says so is on its way.
    if (error instanceof ApiError && error.status === 404) showWarning(i18n.global.t('unrecorded.gone'))
    else showFailure(error)
  } finally {
    pressed.delete(key)
  }
}

/** Puts the focus on the button of the most urgent call that waits; whether there is one. */
export function focusFirst(): boolean {
  const button = document.querySelector<HTMLElement>('[data-testid="unrecorded-take"]')
  button?.focus()
  button?.scrollIntoView({ block: 'nearest' })
  return button !== null
}
