import type { Item } from '../contract/types'

/** An item's name in the language of the page. */
export function itemName(item: Pick<Item, 'name_zh' | 'name_en'>, language: string): string {
  return language === 'en' ? item.name_en : item.name_zh
}
