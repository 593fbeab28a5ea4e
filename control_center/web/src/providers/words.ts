import { i18n } from '../i18n'

/** An item's name in the language of the page. */
export function itemName(item: { name_zh: string; name_en: string }): string {
  return i18n.global.locale.value === 'zh-CN' ? item.name_zh : item.name_en
}
