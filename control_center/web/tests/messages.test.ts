import { NodeTypes, type ElementNode, type TemplateChildNode } from '@vue/compiler-core'
import { parse } from 'vue/compiler-sfc'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  ASSISTS,
  ATTENTIONS,
  CONDITIONS,
  DECLINE_REASONS,
  ELDER_STATES,
  FAIL_REASONS,
  OFFER_STATES,
  ORDER_STATES,
  OUTCOMES,
  PERSON_STATES,
  SEVERITIES,
} from '../src/contract/types'
import { GROUPS } from '../src/orders/groups'
import { STAFF_STEPS } from '../src/orders/steps'
import en from '../src/messages/en.json'
import zhCN from '../src/messages/zh-CN.json'

const SOURCE = join(import.meta.dirname, '../src')
const LETTERS = /\p{L}/u
const HAN = /\p{Script=Han}/u
const TEXT_ATTRIBUTES = ['title', 'placeholder', 'alt', 'label', 'aria-label', 'aria-description']

type Tree = { [key: string]: string | Tree }

function leaves(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value)
    else for (const [name, text] of leaves(value, `${prefix}${key}.`)) found.set(name, text)
  }
  return found
}

function sources(extension: string): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(extension))
}

const read = (name: string) => readFileSync(join(SOURCE, name), 'utf8')
const chinese = leaves(zhCN)
const english = leaves(en)

/** Whether an expression holds words for people: Chinese, or a quoted phrase that cannot be a key or a code. */
function saysText(expression: string): boolean {
  const quoted = [...expression.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '')
  return HAN.test(expression) || quoted.some((text) => /^[A-Z]|[a-z] [a-z]/.test(text))
}

/** Text that a template shows without asking the messages: in text nodes, attributes and quoted expressions. */
function rawText(nodes: readonly TemplateChildNode[]): string[] {
  return nodes.flatMap((node) => {
    if (node.type === NodeTypes.TEXT) return LETTERS.test(node.content) ? [node.content.trim()] : []
    if (node.type === NodeTypes.INTERPOLATION) return saysText(node.loc.source) ? [node.loc.source] : []
    return node.type === NodeTypes.ELEMENT ? [...rawAttributes(node), ...rawText(node.children)] : []
  })
}

function rawAttributes(element: ElementNode): string[] {
  return element.props.flatMap((prop) => {
    if (prop.type === NodeTypes.DIRECTIVE) return saysText(prop.loc.source) ? [prop.loc.source] : []
    const value = prop.value?.content ?? ''
    return HAN.test(value) || (TEXT_ATTRIBUTES.includes(prop.name) && LETTERS.test(value)) ? [value] : []
  })
}

describe('messages', () => {
  test('have the same keys in both languages', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  test('have the same placeholders in both languages', () => {
    const names = (text = '') => [...new Set(text.match(/\{\w+\}/g))].sort()
    for (const [key, text] of chinese) expect([key, names(english.get(key))]).toEqual([key, names(text)])
  })

  test('are in the language that they are filed under', () => {
    for (const [key, text] of english) {
      if (key !== 'language.other') expect([key, HAN.test(text)]).toEqual([key, false])
    }
  })

  test('exist for every key that the source asks for', () => {
    const asked = [...sources('.vue'), ...sources('.ts')].flatMap((name) =>
      [...read(name).matchAll(/\bt\(\s*'([\w.]+)'/g)].map((match) => match[1]),
    )
    expect(asked.filter((key) => !chinese.has(key ?? ''))).toEqual([])
    expect(asked.length).toBeGreaterThan(100)
  })

  test('name every code of the contract', () => {
    const codes = [
      ...OUTCOMES.map((code) => `outcome.${code}`),
      ...SEVERITIES.map((code) => `severity.${code}`),
      ...ELDER_STATES.flatMap((code) => [`elderState.${code}`, `elderState.effect.${code}`]),
      ...['silent', 'closed', 'service'].map((code) => `stale.${code}`),
      ...['on', 'muted', 'blocked'].flatMap((code) => [`sound.${code}`, `sound.${code}Hint`]),
    ]
    expect(codes.filter((key) => !chinese.has(key))).toEqual([])
  })

  test('name every code of orders, responses and the map', () => {
    const codes = [
      ...ORDER_STATES.map((code) => `orders.state.${code}`),
      ...OFFER_STATES.map((code) => `orders.offerState.${code}`),
      ...ATTENTIONS.flatMap((code) => [`orders.attention.${code}`, `orders.advice.${code}`]),
      ...CONDITIONS.flatMap((code) => [`orders.condition.${code}`, `orders.missing.${code}`]),
      ...DECLINE_REASONS.map((code) => `orders.decline.${code}`),
      ...FAIL_REASONS.map((code) => `orders.fail.${code}`),
      ...ASSISTS.map((code) => `orders.assist.${code}`),
      ...GROUPS.map((code) => `orders.group.${code}`),
      ...STAFF_STEPS.map((code) => `orders.${code}`),
      ...['assign', 'offer', 'arrive', 'finish', 'confirm'].map((code) => `orders.due.${code}`),
      ...['accept', 'arrive', 'finish', 'answer', 'dispatch', 'on_scene'].map((code) => `stage.${code}`),
      ...['searching', 'nobody', 'found', 'there'].map((code) => `response.pill.${code}`),
      ...PERSON_STATES.flatMap((code) => [`map.state.${code}`, `map.letter.${code}`]),
      ...['walk', 'scooter', 'car'].map((code) => `map.travel.${code}`),
      ...['alarms', 'orders', 'map'].map((code) => `view.${code}`),
    ]
    expect(codes.filter((key) => !chinese.has(key))).toEqual([])
  })
})

describe('source files', () => {
  test.each(sources('.vue'))('%s shows no text of its own', (name) => {
    const { descriptor } = parse(read(name))
    expect(rawText(descriptor.template?.ast?.children ?? [])).toEqual([])
    expect(HAN.test(descriptor.scriptSetup?.content ?? '')).toBe(false)
  })

  test.each(sources('.ts'))('%s has no Chinese text', (name) => {
    expect(HAN.test(read(name))).toBe(false)
  })
})

test('raw text is found wherever a template can hide it', () => {
  const template = `<template><p title="Hello">Raw<b :title="'中'">{{ '文' }}</b>{{ 'No data' }}<i>12:30 / {{ t('a.b') }}</i></p></template>`
  const nodes = parse(template).descriptor.template?.ast?.children ?? []
  expect(rawText(nodes)).toHaveLength(5)
})
