export interface FigureWords {
  key: 'served' | 'travel' | 'lateness' | 'moved'
  values: Record<string, number>
}

const inMinutes = (seconds: number) => Math.round(seconds / 60)

/** The figures of a plan that say something to a dispatcher, times in whole minutes; what is not there is not told. */
export function figureWords(figures: Readonly<Record<string, number>>): FigureWords[] {
  const { jobs, served, unserved = 0, travel, lateness = 0, greatest_lateness = 0, moved, workers_used = 0 } = figures
  const told: FigureWords[] = []
  if (jobs !== undefined && served !== undefined) told.push({ key: 'served', values: { jobs, served, unserved, workers: workers_used } })
  if (travel !== undefined) told.push({ key: 'travel', values: { minutes: inMinutes(travel) } })
  if (lateness > 0) told.push({ key: 'lateness', values: { minutes: inMinutes(lateness), greatest: inMinutes(greatest_lateness) } })
  if (moved !== undefined) told.push({ key: 'moved', values: { count: moved } })
  return told
}
