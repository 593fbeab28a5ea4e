import type { Item } from '../contract/types'
import { language } from '../session/language'

/** What is ordered, in the language of the page. */
export function itemName(item: Pick<Item, 'name_zh' | 'name_en'>): string {
  return language.value === 'en' ? item.name_en : item.name_zh
}
