import type { ElderThresholds, Threshold } from '../contract/types'

/** What holds for an elder: the own limits, and the care level's where there is no own one in their place. */
export function standingLimits({ own, of_care_level }: ElderThresholds): Threshold[] {
  const replaced = new Set(own.map(({ vital, severity }) => `${vital} ${severity}`))
  return [...own, ...of_care_level.filter(({ vital, severity }) => !replaced.has(`${vital} ${severity}`))]
}
