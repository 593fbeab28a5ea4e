import { watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { board } from '../feed/store'
import { itemName } from '../phone/itemName'
import { tell, tellGood } from '../phone/notices'
import { departures, offerFarewell, visitFarewell } from './farewell'

/** Says in words why an offer, a visit or an alarm has left the page. */
export function useFarewells(): void {
  const { t } = useI18n()

  watch(board, (now, before) => {
    for (const [id, departure] of departures(now.offer.departed, before.offer.departed)) {
      // One that had left already was answered too late: the refusal of that answer has said so.
      if (before.offer.departed.has(id)) continue
      const farewell = offerFarewell(departure)
      const say = farewell === 'accepted' ? tellGood : tell
      say(t(`worker.offer.left.${farewell}`))
    }
    for (const [id, departure] of departures(now.order.departed, before.order.departed)) {
      const farewell = visitFarewell(departure)
      const last = departure.card ?? before.order.cards.get(id)
      if (farewell !== null && last) tell(t(`worker.visit.left.${farewell}`, { item: itemName(last.item) }))
    }
    if (departures(now.alarm.departed, before.alarm.departed).length > 0) tell(t('worker.response.left'))
  })
}
