// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { afterEach, expect, it } from 'vitest'
import { defineComponent, h } from 'vue'
import { isHelpOpen } from '../src/alarms/dialogs'
import { i18n } from '../src/i18n'
import { useShortcuts } from '../src/keys/useShortcuts'

const Desk = defineComponent({
  setup() {
    useShortcuts()
    return () => h('main', [h('p'), h('div', { role: 'dialog', tabindex: -1 }, [h('button')])])
  },
})

afterEach(() => {
  isHelpOpen.value = false
})

it('leaves the keys that are pressed inside any dialog to that dialog', async () => {
  const desk = mount(Desk, { attachTo: document.body, global: { plugins: [i18n] } })
  await desk.find('button').trigger('keydown', { key: '?' })
  expect(isHelpOpen.value).toBe(false)
  await desk.find('p').trigger('keydown', { key: '?' })
  expect(isHelpOpen.value).toBe(true)
  desk.unmount()
})
