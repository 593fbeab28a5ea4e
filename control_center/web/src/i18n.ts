import { createI18n } from 'vue-i18n'
import en from './messages/en.json'
import zhCN from './messages/zh-CN.json'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

/** Messages are turned into a syntax tree and walked, never evaluated, so the page's CSP needs no `unsafe-eval`. */
export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as Language,
  fallbackLocale: 'zh-CN' as Language,
  messages: { 'zh-CN': zhCN, en } as Record<Language, typeof zhCN>,
})
