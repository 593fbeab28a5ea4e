/** Whether this browser can be reached while the page is closed; it needs https or this very machine. */
export function canSubscribe(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && window.isSecureContext
}

/**
 * Asks the person and the browser; null when the person says no.
 * `publicKey` is the service's VAPID key as base64url. Rejects when the browser's push service cannot be reached.
 */
export async function subscribe(publicKey: string): Promise<PushSubscriptionJSON | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null
  const worker = await navigator.serviceWorker.register('/push.js')
  await navigator.serviceWorker.ready
  const known = await worker.pushManager.getSubscription()
  if (known) await known.unsubscribe()
  const options = { userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) }
  return (await worker.pushManager.subscribe(options)).toJSON()
}

/** The bytes of base64url text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0))
}
