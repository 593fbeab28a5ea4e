import type { AlarmKind, DayKind, NewPolicy, NewTarget, Policy, PolicyTarget, Severity, TargetKind, TargetLevel, TargetRole } from '../contract/types'

/** A target as it is being typed: what its kind has no use for is kept, so that going back loses nothing. */
export interface TargetDraft {
  kind: TargetKind
  number: number | ''
  role: TargetRole
  /** `level:unit` or `org:500109001`. */
  place: string
  rota_id: number | null
  account_id: number | null
}

export interface StepDraft {
  after_seconds: number | null
  targets: TargetDraft[]
}

export interface PolicyDraft {
  name: string
  /** Of a unit where it is null. */
  elder: { id: number; name: string } | null
  org_code: string
  kind: AlarmKind | ''
  severity: Severity | ''
  day_kind: DayKind
  from_time: string
  until_time: string
  repeats: number | ''
  repeat_seconds: number | null
  steps: StepDraft[]
}

export function newTarget(): TargetDraft {
  return { kind: 'seat', number: 1, role: 'supervisor', place: 'level:district', rota_id: null, account_id: null }
}

/** The next step: later than the one before it. */
export function newStep(steps: readonly StepDraft[]): StepDraft {
  const last = steps.at(-1)
  return { after_seconds: last ? (last.after_seconds ?? 0) + 20 : 0, targets: [newTarget()] }
}

export function newPolicy(): PolicyDraft {
  return {
    name: '',
    elder: null,
    org_code: '',
    kind: '',
    severity: '',
    day_kind: 'any',
    from_time: '',
    until_time: '',
    repeats: 2,
    repeat_seconds: 60,
    steps: [newStep([])],
  }
}

function targetDraft(target: PolicyTarget): TargetDraft {
  const blank = newTarget()
  return {
    kind: target.kind,
    number: target.number ?? 1,
    role: target.role ?? blank.role,
    place: target.org ? `org:${target.org.code}` : target.level ? `level:${target.level}` : blank.place,
    rota_id: target.rota?.id ?? null,
    account_id: target.account?.id ?? null,
  }
}

/** A policy to be changed into its next version. */
export function draftOf(policy: Policy): PolicyDraft {
  return {
    name: policy.name,
    elder: policy.elder,
    org_code: policy.org?.code ?? '',
    kind: policy.kind ?? '',
    severity: policy.severity ?? '',
    day_kind: policy.day_kind,
    from_time: policy.from_time ?? '',
    until_time: policy.until_time ?? '',
    repeats: policy.repeats,
    repeat_seconds: policy.repeat_seconds,
    steps: policy.steps.map(({ after_seconds, targets }) => ({ after_seconds, targets: targets.map(targetDraft) })),
  }
}

/** What is sent of a target: what its kind needs, and nothing else. */
export function targetOf(draft: TargetDraft): NewTarget {
  const { kind } = draft
  const [place, code = ''] = draft.place.split(':')
  const isRole = kind === 'role'
  return {
    kind,
    number: (kind === 'seat' || kind === 'contact') && draft.number !== '' ? draft.number : null,
    role: isRole ? draft.role : null,
    level: isRole && place === 'level' ? (code as TargetLevel) : null,
    org_code: isRole && place === 'org' ? code : null,
    rota_id: kind === 'rota' ? draft.rota_id : null,
    account_id: kind === 'account' ? draft.account_id : null,
  }
}

export function policyOf(draft: PolicyDraft): NewPolicy {
  return {
    name: draft.name,
    org_code: draft.elder ? null : draft.org_code || null,
    elder_id: draft.elder?.id ?? null,
    kind: draft.kind || null,
    severity: draft.severity || null,
    day_kind: draft.day_kind,
    from_time: draft.from_time || null,
    until_time: draft.until_time || null,
    repeats: draft.repeats === '' ? null : draft.repeats,
    repeat_seconds: draft.repeat_seconds,
    steps: draft.steps.map(({ after_seconds, targets }) => ({ after_seconds, targets: targets.map(targetOf) })),
  }
}
