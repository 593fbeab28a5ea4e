import { ref } from 'vue'

/** The elder shown in the drawer, null while it is closed. */
export const drawnElderId = ref<number | null>(null)
