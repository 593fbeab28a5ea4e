import { shallowRef, watch, type Ref } from 'vue'
import { api } from '../contract/api'
import type { IncidentDetail } from '../contract/types'
import { board } from '../feed/store'

/** The incident of an alarm with its other alarms and raw messages, read again when one of its alarms changes. */
export function useIncident(incidentId: Ref<number | null | undefined>) {
  const incident = shallowRef<IncidentDetail | null>(null)

  function version(): string {
    const id = incidentId.value
    if (id === null || id === undefined) return ''
    const { cards, versions } = board.value.alarm
    const own = [...cards.values()].filter((card) => card.incident_id === id)
    return [id, ...own.map((card) => `${card.id}:${versions.get(card.id)}`)].join(' ')
  }

  watch(
    version,
    async (wanted) => {
      const id = incidentId.value
      if (id === null || id === undefined) {
        incident.value = null
        return
      }
      const found = await api.incident(id).catch(() => null)
      if (wanted === version()) incident.value = found
    },
    { immediate: true },
  )
  return incident
}
