import { describe, expect, test } from 'vitest'
import { bytesOf, hexDump, textOf } from '../src/system/payload'

const bytes = (...values: number[]) => Uint8Array.from(values)

describe('a dead letter', () => {
  test('shows its bytes in hex, sixteen a line, beside their text', () => {
    const dump = hexDump(bytes(...Array.from({ length: 17 }, (_, index) => 0x41 + index)))
    expect(dump.split('\n')).toEqual([
      '0000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP',
      `0010  51${' '.repeat(45)}  Q`,
    ])
  })

  test('shows bytes that are no text as dots', () => {
    expect(hexDump(bytes(0x00, 0xff, 0x7f, 0x20)).endsWith('... ')).toBe(true)
  })

  test('reads as text where it can and marks what is not valid', () => {
    expect(textOf(new TextEncoder().encode('{"名":1}\n'))).toBe('{"名":1}\n')
    expect(textOf(bytes(0xff, 0x41, 0x00, 0x7f))).toBe('\ufffdA\\x00\\x7f')
  })

  test('comes from base64, and from broken base64 as nothing', () => {
    expect([...bytesOf('/wBB')]).toEqual([0xff, 0x00, 0x41])
    expect(bytesOf('not base64!')).toHaveLength(0)
    expect(hexDump(bytesOf(''))).toBe('')
  })
})
