import { readonly, ref, shallowRef } from 'vue'
import { ApiError, api } from '../contract/api'
import type { Role, Session } from '../contract/types'
import { learnServerTime } from '../time/clock'

const current = shallowRef<Session | null>(null)
const noAnswer = ref(false)
let asked: Promise<void> | null = null

/** Who is signed in; null when nobody is, or before `restoreSession` has answered. */
export const session = readonly(current) as Readonly<typeof current>

/** True when the server could not say who is signed in: asking again may help, signing in will not. */
export const isUnreachable = readonly(noAnswer)

/** Asks the server who is signed in, once it has answered never again. */
export function restoreSession(): Promise<void> {
  asked ??= api.session().then(accept, (error: unknown) => {
    noAnswer.value = !(error instanceof ApiError) || error.status === 0 || error.status >= 500
    if (noAnswer.value) asked = null
  })
  return asked
}

export async function signIn(username: string, password: string): Promise<Session> {
  const answer = await api.signIn(username, password)
  accept(answer)
  return answer
}

/** Sits down at a desk, or gets up with null. Rejects with ApiError. */
export async function chooseSeat(seatId: number | null): Promise<void> {
  accept(await api.chooseSeat(seatId))
}

export async function signOut(): Promise<void> {
  await api.signOut()
  forgetSession()
}

/** Drops the session on this side, for example when the server says that it has ended. */
export function forgetSession(): void {
  current.value = null
  asked = Promise.resolve()
}

const HOMES: Record<Role, string> = {
  operator: '/',
  supervisor: '/',
  administrator: '/system',
  worker: '/worker',
  family: '/family',
}

/** The page where a role begins. */
export function homeOf(role: Role): string {
  return HOMES[role]
}

function accept(answer: Session): void {
  learnServerTime(answer.server_time)
  noAnswer.value = false
  asked = Promise.resolve()
  current.value = answer
}
