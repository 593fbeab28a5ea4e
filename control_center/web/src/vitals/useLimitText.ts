import { useI18n } from 'vue-i18n'
import type { Bounds } from '../contract/types'
import { useLabels } from '../session/labels'
import { valueText } from './parameters'

/** Words for a limit, as "below 92 %" or "below 45 or above 120 /min". */
export function useLimitText() {
  const { t } = useI18n()
  const label = useLabels()
  return (vital: string, { low, high }: Bounds): string => {
    const shown = (value: number) => `${valueText(vital, value)} ${label('unit', vital)}`
    if (low !== null && high !== null) return t('limits.between', { low: valueText(vital, low), high: shown(high) })
    if (low !== null) return t('limits.below', { low: shown(low) })
    return high === null ? t('limits.none') : t('limits.above', { high: shown(high) })
  }
}
