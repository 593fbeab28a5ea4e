/** Pixels of the longer side of a picture that is sent. */
export const LONGEST_SIDE = 1280
const QUALITY = 0.8

/** The size of a picture whose longer side is at most LONGEST_SIDE; it is never enlarged. */
export function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** A photograph as it is sent: a JPEG of at most LONGEST_SIDE pixels. Rejects what the browser cannot read. */
export async function shrink(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file)
  const size = fitted(bitmap.width, bitmap.height)
  const canvas = document.createElement('canvas')
  canvas.width = size.width
  canvas.height = size.height
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, size.width, size.height)
  bitmap.close()
  return new Promise((resolve, reject) => {
    canvas.toBlob((jpeg) => (jpeg ? resolve(jpeg) : reject(new Error('unreadable'))), 'image/jpeg', QUALITY)
  })
}

/** The SHA-256 of a picture in hexadecimal, by which the phone and the service know it. */
export async function hashOf(picture: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await picture.arrayBuffer())
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
