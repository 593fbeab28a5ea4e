import { useI18n } from 'vue-i18n'

/** Families of codes that have a message each, as in `outcome.false_alarm`. */
export type CodeFamily =
  | 'kind'
  | 'severity'
  | 'state'
  | 'outcome'
  | 'tag'
  | 'condition'
  | 'relation'
  | 'device'
  | 'vital'
  | 'careLevel'
  | 'limits.source'
  | 'unit'
  | 'event'
  | 'seat'
  | 'elderState'
  | 'reason'
  | 'stage'
  | 'due'
  | 'role'
  | 'quality'
  | 'orders.state'
  | 'orders.event'
  | 'orders.offerState'
  | 'orders.attention'
  | 'orders.condition'
  | 'orders.missing'
  | 'orders.decline'
  | 'orders.fail'
  | 'orders.assist'
  | 'orders.skill'
  | 'homeReason'
  | 'refusal'
  | 'map.state'

/** Names for the contract's codes. A code without a message is shown as it is, so that nothing is hidden. */
export function useLabels() {
  const { t, te } = useI18n()
  return (family: CodeFamily, code: string): string => {
    const key = `${family}.${code}`
    return te(key) ? t(key) : code.replaceAll('_', ' ')
  }
}
