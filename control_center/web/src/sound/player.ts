import { readonly, ref } from 'vue'
import type { SoundDemand } from './policy'
import { tonesOf, volumeOf, type Tone } from './tones'

const ATTACK_SECONDS = 0.012
/** A finished click, not its beginning: the prompt must not vanish and move the page under a finger. */
const GESTURES = ['click', 'keydown'] as const

const audible = ref(false)
let context: AudioContext | null = null
let playing: GainNode | null = null

/** False until the browser lets this page make a sound, which takes a gesture of the user. */
export const isAudible = readonly(audible)

/** Asks the browser for sound; call it in a user's gesture to be sure of a yes. */
export async function enableSound(): Promise<void> {
  context ??= newContext()
  if (context.state !== 'running') await Promise.race([context.resume(), pause(300)])
  audible.value = context.state === 'running'
}

/** Tries now if the user has touched this page before (signing in counts), and again on every gesture until it works. */
export function listenForGesture(): () => void {
  const attempt = () => {
    if (!audible.value) void enableSound()
  }
  for (const gesture of GESTURES) window.addEventListener(gesture, attempt, true)
  // Phones of a few years ago do not tell whether they have been touched.
  if (navigator.userActivation?.hasBeenActive) attempt()
  return () => {
    for (const gesture of GESTURES) window.removeEventListener(gesture, attempt, true)
  }
}

/** Plays one burst; replaces the one still sounding. */
export function play(demand: SoundDemand): void {
  if (!context || context.state !== 'running') return
  silence()
  const gain = context.createGain()
  gain.gain.value = volumeOf(demand.pattern, demand.louder)
  gain.connect(context.destination)
  for (const tone of tonesOf(demand.pattern, demand.louder)) sound(context, gain, tone)
  playing = gain
}

/** Stops at once, also in the middle of a burst. */
export function silence(): void {
  playing?.disconnect()
  playing = null
}

function newContext(): AudioContext {
  const created = new AudioContext()
  created.onstatechange = () => {
    audible.value = created.state === 'running'
  }
  return created
}

/** A tone with one overtone, faded in and out so that it does not click. */
function sound(audio: AudioContext, output: AudioNode, tone: Tone): void {
  const start = audio.currentTime + tone.at
  const end = start + tone.seconds
  const envelope = audio.createGain()
  envelope.gain.setValueAtTime(0, start)
  envelope.gain.linearRampToValueAtTime(1, start + ATTACK_SECONDS)
  envelope.gain.setValueAtTime(1, end - ATTACK_SECONDS)
  envelope.gain.linearRampToValueAtTime(0, end)
  envelope.connect(output)
  for (const [type, ratio] of [['sine', 1], ['triangle', 2]] as const) {
    const oscillator = audio.createOscillator()
    oscillator.type = type
    oscillator.frequency.value = tone.hz * ratio
    oscillator.connect(envelope)
    oscillator.start(start)
    oscillator.stop(end)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
