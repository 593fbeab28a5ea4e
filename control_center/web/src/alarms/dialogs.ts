import { ref, shallowRef } from 'vue'

/** What a note holds at most, as the server counts it. */
export const LONGEST_NOTE = 2000

export type DialogKind = 'note' | 'resolve' | 'shelve'

/** The form that is open, and the alarm it was opened for: moving the selection does not move the form. */
export const openForm = shallowRef<{ kind: DialogKind; alarmId: number } | null>(null)

export const isHelpOpen = ref(false)

export function openDialog(kind: DialogKind, alarmId: number): void {
  openForm.value = { kind, alarmId }
}

export function closeDialog(): void {
  openForm.value = null
}
