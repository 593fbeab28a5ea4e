import type { Point } from '../contract/types'

/** An address for the phone's map application: the place if it is known, else the words to look for. */
export function geoLink(home: Point | null, address: string): string {
  const words = encodeURIComponent(address)
  if (home === null) return `geo:0,0?q=${words}`
  const place = `${home.lat},${home.lon}`
  return `geo:${place}?q=${place}(${words})`
}
