import { describe, expect, it } from 'vitest'
import { addressWithin } from '../src/elders/place'

describe('an address beside its town', () => {
  it('does not say the town twice', () => {
    expect(addressWithin('天生街道', '北碚区天生街道天生路1号')).toBe('天生路1号')
  })
  it('is left whole when the town is not in front', () => {
    expect(addressWithin('歇马街道', '北碚区歇马镇歇马路55号')).toBe('北碚区歇马镇歇马路55号')
    expect(addressWithin('', '天生路1号')).toBe('天生路1号')
    expect(addressWithin('天生街道', '天生街道')).toBe('天生街道')
  })
})
