import type { OrderCard, OrderState } from '../contract/types'

export const STAFF_STEPS = ['search', 'assign', 'reassign', 'confirm', 'cancel'] as const
/** What staff can do to an order. */
export type StaffStep = (typeof STAFF_STEPS)[number]

const ALLOWED: Readonly<Record<StaffStep, readonly OrderState[]>> = {
  search: ['requested'],
  assign: ['requested', 'offered', 'accepted', 'en_route'],
  reassign: ['accepted', 'en_route'],
  confirm: ['completed'],
  cancel: ['requested', 'offered', 'accepted', 'en_route', 'checked_in', 'in_service'],
}

/** The steps that staff may take now. */
export function stepsFor(card: OrderCard): StaffStep[] {
  return STAFF_STEPS.filter((step) => ALLOWED[step].includes(card.state))
}
