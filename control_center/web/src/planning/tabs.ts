import { computed } from 'vue'
import { router } from '../router'

/** What the supervisor's page is divided into. */
export const TABS = ['duty', 'escalation', 'promises', 'dispatch', 'days', 'channels'] as const
export type Tab = (typeof TABS)[number]

/** Part of the address, so that reload and the back key work. */
export const shownTab = computed<Tab>(() => {
  const wanted = router.currentRoute.value.query.tab
  return TABS.find((known) => known === wanted) ?? 'duty'
})

export function showTab(tab: Tab): void {
  if (tab !== shownTab.value) void router.replace({ path: '/planning', query: { tab } })
}
