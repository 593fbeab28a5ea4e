import { ElMessage } from 'element-plus'
import { ApiError } from '../contract/api'
import { i18n } from '../i18n'

/** What to tell the user about a failed request: the server's own words, or ours when none came. */
export function failureText(error: unknown): string {
  const { t } = i18n.global
  if (!(error instanceof ApiError)) return t('failure.unexpected')
  if (error.code === 'network') return t('failure.network')
  return error.message || t('failure.status', { status: error.status })
}

export function showFailure(error: unknown): void {
  ElMessage({ type: 'error', message: failureText(error), duration: 6000, showClose: true, grouping: true })
}

export function showNotice(message: string): void {
  ElMessage({ type: 'success', message, duration: 3000, grouping: true })
}

export function showWarning(message: string): void {
  ElMessage({ type: 'warning', message, duration: 5000, showClose: true, grouping: true })
}
