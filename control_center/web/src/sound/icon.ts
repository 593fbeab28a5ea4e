export type IconMood = 'calm' | 'alarm' | 'stale'

const COLOURS: Record<IconMood, string> = { calm: '#1c7f86', alarm: '#c5221f', stale: '#6b7785' }
const HOUSE = 'M16 7 6.5 15h2.6v9.5h13.8V15h2.6z'

/** The page's icon as a data address, in the colour of what is going on. */
export function iconFor(mood: IconMood): string {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
    `<rect width="32" height="32" rx="7" fill="${COLOURS[mood]}"/><path d="${HOUSE}" fill="#fff"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

export function showIcon(mood: IconMood): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  const address = iconFor(mood)
  if (link && link.href !== address) link.href = address
}
