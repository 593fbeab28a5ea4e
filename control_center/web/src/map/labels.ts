/** A name at a place of the screen, px; its width is estimated. */
export interface Label {
  key: string
  x: number
  y: number
  width: number
}

const HEIGHT = 20

/** The names that fit: in the order given, each that overlaps none before it. */
export function withoutOverlaps(labels: readonly Label[]): Set<string> {
  const kept: Label[] = []
  for (const label of labels) if (!kept.some((other) => overlap(label, other))) kept.push(label)
  return new Set(kept.map(({ key }) => key))
}

function overlap(a: Label, b: Label): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < HEIGHT
}
