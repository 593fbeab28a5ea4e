/** Bytes from base64 text; text that is no base64 gives none. */
export function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

const ROW = 16

/** A hex dump, 16 bytes a line: offset, bytes, and the printable ASCII among them. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let start = 0; start < bytes.length; start += ROW) {
    const row = [...bytes.subarray(start, start + ROW)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${start.toString(16).padStart(4, '0')}  ${hex.padEnd(ROW * 3 - 1)}  ${text}`)
  }
  return lines.join('\n')
}

/** The bytes read as UTF-8; what is not valid shows as U+FFFD, and control characters as `\\xNN`. */
export function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return [...text].map(visible).join('')
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const isControl = (code < 32 && character !== '\n' && character !== '\t') || code === 127
  return isControl ? `\\x${code.toString(16).padStart(2, '0')}` : character
}
