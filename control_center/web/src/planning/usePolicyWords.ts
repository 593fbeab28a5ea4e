import { useI18n } from 'vue-i18n'
import type { Policy, PolicyTarget } from '../contract/types'
import { useLabels } from '../session/labels'
import { useLengths } from './useLengths'

/** Escalation policies in words, in the language of the page. */
export function usePolicyWords() {
  const { t } = useI18n()
  const label = useLabels()
  const { length } = useLengths()

  function target(one: PolicyTarget): string {
    if (one.kind === 'role') {
      const place = one.org?.name ?? label('planning.level', one.level ?? 'unit')
      return t('planning.called.role', { role: label('role', one.role ?? 'operator'), place })
    }
    if (one.kind === 'rota') return t('planning.called.rota', { name: one.rota?.name ?? '' })
    if (one.kind === 'account') return one.account?.name ?? ''
    return t(`planning.called.${one.kind}`, { number: one.number ?? 1 })
  }

  const targets = (all: readonly PolicyTarget[]) => all.map(target).join(t('list.separator'))
  const after = (seconds: number) => (seconds === 0 ? t('planning.atOnce') : t('planning.after', { length: length(seconds) }))

  /** Which alarms it is for: whatever it does not name is any. */
  function conditions(policy: Policy): string[] {
    return [
      policy.elder ? t('planning.ofElder', { name: policy.elder.name }) : (policy.org?.name ?? t('planning.everywhere')),
      policy.severity ? label('severity', policy.severity) : t('planning.anySeverity'),
      policy.kind ? label('kind', policy.kind) : t('planning.anyKind'),
      label('planning.dayKind', policy.day_kind),
      policy.from_time && policy.until_time
        ? t('planning.span', { from: policy.from_time, to: policy.until_time })
        : t('planning.anyTime'),
    ]
  }

  function repeating(policy: Policy): string {
    if (policy.repeats === 0) return t('planning.noRepeat')
    return t('planning.repeating', { count: policy.repeats, length: length(policy.repeat_seconds) }, policy.repeats)
  }

  return { targets, after, conditions, repeating }
}
