import { SEVERITIES, type UnrecordedCard } from '../contract/types'

/** Whether somebody has to answer: nobody has, and it is no fall that its wearer can still cancel. `now` in ms. */
export function isWaiting(call: UnrecordedCard, now: number): boolean {
  return call.acknowledged_at === null && !isCandidate(call, now)
}

/** Whether it is a fall that its wearer can still cancel. */
export function isCandidate(call: UnrecordedCard, now: number): boolean {
  return call.confirm_at !== null && Date.parse(call.confirm_at) > now
}

/** Calls in the order an operator should take them: real ones first, unanswered, worst, oldest. */
export function inOrder(calls: readonly UnrecordedCard[], now: number): UnrecordedCard[] {
  return [...calls].sort(
    (a, b) =>
      Number(a.is_test) - Number(b.is_test) ||
      Number(isWaiting(b, now)) - Number(isWaiting(a, now)) ||
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      Date.parse(a.received_at) - Date.parse(b.received_at),
  )
}

/** Whom a call is about, empty when it is about nobody known. */
export function namesOfCall(call: UnrecordedCard, separator: string): string {
  const people = call.elder ? [call.elder] : call.residents
  return people.map((elder) => elder.name).join(separator)
}
