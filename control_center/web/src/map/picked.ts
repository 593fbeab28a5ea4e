import { shallowRef } from 'vue'

/** A worker or order that was pressed on the map; a chosen alarm is part of the address instead. */
export interface Picked {
  kind: 'person' | 'order'
  id: number
}

export const picked = shallowRef<Picked | null>(null)

export function pick(what: Picked): void {
  picked.value = what
}

export function unpick(): void {
  picked.value = null
}
