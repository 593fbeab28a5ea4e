import { computed } from 'vue'
import { router } from '../router'

/** What the console's stage shows beside the alarm queue. */
export const VIEWS = ['alarms', 'orders', 'tasks', 'map'] as const
export type View = (typeof VIEWS)[number]

/** Part of the address, so that reload and the phone's back key work. */
export const view = computed<View>(() => {
  const wanted = router.currentRoute.value.query.view
  return VIEWS.find((known) => known === wanted) ?? 'alarms'
})

/** A number in the address, null when it is absent or none. */
export function numberInAddress(name: 'alarm' | 'order'): number | null {
  const id = Number(router.currentRoute.value.query[name])
  return Number.isInteger(id) && id > 0 ? id : null
}

/** The address of a view, with the alarm or order that is chosen in it. */
export function addressOf(target: View, chosen: { alarm?: number | null; order?: number | null } = {}) {
  const query: Record<string, string> = target === 'alarms' ? {} : { view: target }
  if (chosen.alarm) query.alarm = String(chosen.alarm)
  if (chosen.order) query.order = String(chosen.order)
  return { path: '/', query }
}

export function show(target: View): void {
  if (target === view.value) return
  const alarm = target === 'orders' ? null : numberInAddress('alarm')
  void router.push(addressOf(target, { alarm }))
}
