/** A postal address without district and town, where the town already stands before it. */
export function addressWithin(town: string, address: string): string {
  const start = town === '' ? -1 : address.indexOf(town)
  const rest = start >= 0 && start <= 12 ? address.slice(start + town.length).trim() : address
  return rest === '' ? address : rest
}
