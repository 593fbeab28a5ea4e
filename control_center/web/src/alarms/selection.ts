import { computed, ref } from 'vue'
import { fallCandidates, queue } from '../feed/store'
import { router } from '../router'
import { addressOf, numberInAddress, view } from '../shell/view'

/** Which list the left pane shows. */
export const shownTab = ref<'open' | 'history'>('open')

/** The alarm in the detail pane or on the map. */
export const selectedId = computed<number | null>(() => numberInAddress('alarm'))

/** Set by the keyboard, so that its focus follows the selection. */
export const movedByKey = ref(false)

const narrow = window.matchMedia('(width <= 820px)')

/** True on a phone, where the detail slides over the queue. */
export function isNarrow(): boolean {
  return narrow.matches
}

/** Opens an alarm: on the map where the map is shown, else in the detail pane, which orders make room for. */
export function choose(id: number): void {
  const stays = view.value !== 'orders'
  if (id === selectedId.value && stays) return
  const target = addressOf(stays ? view.value : 'alarms', { alarm: id })
  const goesBack = !stays || (isNarrow() && selectedId.value === null)
  void (goesBack ? router.push(target) : router.replace(target))
}

/** Opens an alarm's detail, whatever is shown now. */
export function openAlarm(id: number): void {
  void router.push(addressOf('alarms', { alarm: id }))
}

export function chooseNothing(): void {
  if (selectedId.value !== null) void router.replace(addressOf(view.value))
}

/** Moves the selection through the queue and the fall candidates below it; stops at both ends. */
export function chooseNeighbour(step: 1 | -1): void {
  const ids = [...queue.value, ...fallCandidates.value].map((card) => card.id)
  if (ids.length === 0) return
  const index = selectedId.value === null ? -1 : ids.indexOf(selectedId.value)
  const target = index === -1 ? ids[0] : ids[Math.min(ids.length - 1, Math.max(0, index + step))]
  movedByKey.value = true
  if (target !== undefined) choose(target)
}

/** The alarm to take next: the first of the queue that is not selected already. */
export function chooseNext(): void {
  const next = queue.value.find((card) => card.id !== selectedId.value)
  if (next) choose(next.id)
  else chooseNothing()
}
