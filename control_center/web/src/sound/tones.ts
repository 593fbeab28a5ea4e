import type { Pattern } from './policy'

/** One tone of a pattern: Hz, start and length in seconds from the pattern's beginning. */
export interface Tone {
  hz: number
  at: number
  seconds: number
}

const HIGH = 880
const MIDDLE = 660
const LOW = 440

/**
 * Bursts after the idea of IEC 60601-1-8: five quick pulses for the highest priority, three slower ones for
 * the middle, two soft ones for the low; falling pairs mean that the screen itself has lost its data.
 */
const TONES: Record<Pattern, readonly Tone[]> = {
  emergency: [
    { hz: HIGH, at: 0, seconds: 0.13 },
    { hz: HIGH, at: 0.2, seconds: 0.13 },
    { hz: HIGH * 1.25, at: 0.4, seconds: 0.13 },
    { hz: HIGH, at: 0.72, seconds: 0.13 },
    { hz: HIGH * 1.25, at: 0.92, seconds: 0.13 },
  ],
  urgent: [
    { hz: MIDDLE, at: 0, seconds: 0.2 },
    { hz: MIDDLE, at: 0.35, seconds: 0.2 },
    { hz: MIDDLE * 1.2, at: 0.7, seconds: 0.26 },
  ],
  advisory: [
    { hz: MIDDLE * 1.2, at: 0, seconds: 0.18 },
    { hz: MIDDLE, at: 0.26, seconds: 0.24 },
  ],
  stale: [
    { hz: LOW, at: 0, seconds: 0.28 },
    { hz: LOW * 0.75, at: 0.34, seconds: 0.42 },
  ],
}

const VOLUME: Record<Pattern, number> = { emergency: 0.32, urgent: 0.24, advisory: 0.12, stale: 0.22 }
const LOUDER = 1.9
const SECOND_BURST_AT = 1.2

/** Loudness of a pattern, 0 to 1. */
export function volumeOf(pattern: Pattern, louder: boolean): number {
  return Math.min(1, VOLUME[pattern] * (louder ? LOUDER : 1))
}

/** The tones to play; an escalated alarm sounds its burst twice. */
export function tonesOf(pattern: Pattern, louder: boolean): Tone[] {
  const burst = TONES[pattern]
  if (!louder) return [...burst]
  return [...burst, ...burst.map((tone) => ({ ...tone, at: tone.at + SECOND_BURST_AT }))]
}
