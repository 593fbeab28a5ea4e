// The service worker of Web Push: shows what the control centre calls somebody to, while no page is open.

self.addEventListener('push', (event) => {
  event.waitUntil(show(event.data ? event.data.json() : {}))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data))
})

async function show(said) {
  await self.registration.showNotification(said.title ?? 'Anban 安伴', {
    body: said.body ?? '',
    tag: said.alarm_id ? `alarm-${said.alarm_id}` : said.key,
    renotify: true,
    requireInteraction: true,
    data: said,
  })
  if (!said.key) return
  // Shown is shown, also where nobody is signed in any more and this is refused.
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}', credentials: 'same-origin' }
  await fetch(`/api/notifications/${encodeURIComponent(said.key)}/received`, request).catch(() => undefined)
}

async function open(said) {
  const address = new URL(said?.url ?? '/', self.location.origin)
  if (address.origin !== self.location.origin) address.pathname = '/'
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages[0]
  if (!page) return self.clients.openWindow(address.pathname + address.search)
  await page.focus()
  return page.navigate(address.pathname + address.search).catch(() => undefined)
}
