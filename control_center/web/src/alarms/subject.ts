import type { AlarmCard, ElderBrief } from '../contract/types'

/** Whom an alarm is about: its elder, or everyone who lives where a household device is. */
export function peopleOf(card: AlarmCard): ElderBrief[] {
  return card.elder ? [card.elder] : card.residents
}

/** Everyone known at the alarm's home, whom it is about first. */
export function householdOf(card: AlarmCard): ElderBrief[] {
  return card.elder ? [card.elder, ...card.residents] : card.residents
}

/** Whether an alarm is about a unit of the organisation: a street, the district. */
export function isAboutUnit(card: AlarmCard): boolean {
  return peopleOf(card).length === 0 && !card.device?.id
}

/** Names of whom the alarm is about, empty when it is about nobody known. */
export function namesOf(card: AlarmCard, separator: string): string {
  return peopleOf(card)
    .map((elder) => elder.name)
    .join(separator)
}
