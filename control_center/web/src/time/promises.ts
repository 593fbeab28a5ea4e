import type { SlaTarget } from '../contract/types'

/** The promise that is being worked towards now. `leftMs` is negative once overdue. */
export interface RunningClock<Stage extends string = string> {
  stage: Stage
  leftMs: number
  overdue: boolean
}

type Targets<Stage extends string> = Partial<Record<Stage, SlaTarget | null>>

/** The first of `stages` not met yet, or null when none is left. `now` is server time in ms. */
export function firstUnmet<Stage extends string>(
  stages: readonly Stage[],
  targets: Targets<Stage>,
  now: number,
): RunningClock<Stage> | null {
  for (const stage of stages) {
    const target = targets[stage]
    if (target && target.met_at === null) {
      const leftMs = Date.parse(target.due_at) - now
      return { stage, leftMs, overdue: target.breached || leftMs < 0 }
    }
  }
  return null
}

export type PromiseState = 'kept' | 'broken' | 'running' | 'overdue' | 'never'

/** How a promise stands; null when none was made. `over`: nothing more will happen to whom it was made for. */
export function promiseState(target: SlaTarget | null | undefined, over: boolean, now: number): PromiseState | null {
  if (!target) return null
  if (target.met_at !== null) return target.breached ? 'broken' : 'kept'
  if (over) return 'never'
  return target.breached || Date.parse(target.due_at) < now ? 'overdue' : 'running'
}
