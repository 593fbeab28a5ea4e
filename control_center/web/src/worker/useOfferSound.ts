import { onMounted, onUnmounted, watch, type Ref } from 'vue'
import type { OfferCard } from '../contract/types'
import { listenForGesture, play, silence } from '../sound/player'
import type { SoundDemand } from '../sound/policy'

const ALARM_EVERY_MS = 4_000
const ALARM: SoundDemand = { pattern: 'emergency', louder: false, everyMs: ALARM_EVERY_MS }
const ORDER: SoundDemand = { pattern: 'advisory', louder: false, everyMs: 0 }

/** Rings and shakes for offers: again and again while an alarm is offered, once for each new order. */
export function useOfferSound(offers: Readonly<Ref<readonly OfferCard[]>>): void {
  let timer: ReturnType<typeof setInterval> | undefined
  let stopListening: (() => void) | undefined

  function ring(demand: SoundDemand, shakes: number[]): void {
    play(demand)
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(shakes)
  }

  const hasAlarm = () => offers.value.some((offer) => offer.alarm !== null)
  watch(offers, (now, before) => {
    const known = new Set(before.map((offer) => offer.id))
    const isNew = now.some((offer) => !known.has(offer.id))
    if (isNew) ring(hasAlarm() ? ALARM : ORDER, hasAlarm() ? [400, 150, 400] : [200])
    else if (now.length === 0) silence()
  })
  onMounted(() => {
    stopListening = listenForGesture()
    timer = setInterval(() => hasAlarm() && ring(ALARM, [400, 150, 400]), ALARM_EVERY_MS)
  })
  onUnmounted(() => {
    clearInterval(timer)
    stopListening?.()
    silence()
  })
}
