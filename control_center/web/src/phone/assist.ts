import type { Assist } from '../contract/types'
import type { GlyphName } from './glyphs'

const GLYPH_OF: Partial<Record<Assist, GlyphName>> = { meal: 'meal', bath: 'bath', medical: 'medical', emergency: 'alarm' }

/** The picture of a kind of assistance. */
export function glyphOf(assist: Assist | undefined): GlyphName {
  return (assist && GLYPH_OF[assist]) ?? 'home'
}
