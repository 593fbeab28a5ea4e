import { ElMessage } from 'element-plus'
import { failureText } from './words'

export function showFailure(error: unknown): void {
  ElMessage({ type: 'error', message: failureText(error), duration: 6000, showClose: true, grouping: true })
}

export function showNotice(message: string): void {
  ElMessage({ type: 'success', message, duration: 3000, grouping: true })
}

export function showWarning(message: string): void {
  ElMessage({ type: 'warning', message, duration: 5000, showClose: true, grouping: true })
}
