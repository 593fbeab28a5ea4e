/** The part of the browser's bar code reader that is used; not every browser has it. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>
}
type DetectorClass = new (options: { formats: string[] }) => Detector

const LOOK_MS = 250

function detectorClass(): DetectorClass | undefined {
  return (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
}

/** Whether this phone can read a code by its camera; else it is typed. */
export function canScan(): boolean {
  return detectorClass() !== undefined && typeof navigator.mediaDevices?.getUserMedia === 'function'
}

export interface Scan {
  /** Resolves when the camera runs; rejects when it may not be used. */
  started: Promise<void>
  stop(): void
}

/** Looks through the camera until a code is seen, and tells it once. */
export function scan(video: HTMLVideoElement, onCode: (code: string) => void): Scan {
  let stream: MediaStream | null = null
  let timer: ReturnType<typeof setInterval> | undefined
  let stopped = false

  function stop(): void {
    stopped = true
    clearInterval(timer)
    stream?.getTracks().forEach((track) => track.stop())
    video.srcObject = null
  }

  async function start(): Promise<void> {
    const Reader = detectorClass()
    if (!Reader) throw new Error('unsupported')
    const reader = new Reader({ formats: ['qr_code'] })
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
    if (stopped) return stop()
    video.srcObject = stream
    await video.play()
    timer = setInterval(() => void look(reader), LOOK_MS)
  }

  async function look(reader: Detector): Promise<void> {
    const [seen] = await reader.detect(video).catch(() => [])
    if (!seen || stopped) return
    stop()
    onCode(seen.rawValue)
  }

  return { started: start(), stop }
}
