import type { OrderCard, OrderState, Role } from '../contract/types'

export const STAFF_STEPS = ['search', 'reassign', 'confirm', 'settle', 'cancel'] as const
/** What staff can do to an order. */
export type StaffStep = (typeof STAFF_STEPS)[number]

const ALLOWED: Readonly<Record<StaffStep, readonly OrderState[]>> = {
  search: ['requested'],
  reassign: ['accepted', 'en_route'],
  confirm: ['completed'],
  settle: ['confirmed'],
  cancel: ['requested', 'offered', 'accepted', 'en_route', 'checked_in', 'in_service'],
}

/** The steps that staff of `role` may take now. */
export function stepsFor(card: OrderCard, role: Role): StaffStep[] {
  return STAFF_STEPS.filter(
    (step) => ALLOWED[step].includes(card.state) && (step !== 'settle' || role === 'supervisor'),
  )
}
