import { ApiError } from '../contract/api'
import { i18n } from '../i18n'

/** What to tell the user about a failed request: the server's own words, or ours when none came. */
export function failureText(error: unknown): string {
  const { t } = i18n.global
  if (!(error instanceof ApiError)) return t('failure.unexpected')
  if (error.code === 'network') return t('failure.network')
  return error.message || t('failure.status', { status: error.status })
}
