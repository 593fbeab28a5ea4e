import { computed, ref } from 'vue'
import { fallCandidates, queue } from '../feed/store'
import { router } from '../router'

/** Which list the left pane shows. */
export const shownTab = ref<'open' | 'history'>('open')

/** The alarm in the detail pane. It is part of the address, so that reload and the phone's back key work. */
export const selectedId = computed<number | null>(() => {
  const id = Number(router.currentRoute.value.query.alarm)
  return Number.isInteger(id) && id > 0 ? id : null
})

/** Set by the keyboard, so that its focus follows the selection. */
export const movedByKey = ref(false)

const narrow = window.matchMedia('(width <= 820px)')

/** True on a phone, where the detail slides over the queue. */
export function isNarrow(): boolean {
  return narrow.matches
}

export function choose(id: number): void {
  if (id === selectedId.value) return
  const target = { path: '/', query: { alarm: String(id) } }
  void (isNarrow() && selectedId.value === null ? router.push(target) : router.replace(target))
}

export function chooseNothing(): void {
  if (selectedId.value !== null) void router.replace({ path: '/' })
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
