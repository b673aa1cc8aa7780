import { expect, it } from 'vitest'
import type { Limits } from '../../generated/contract'
import { placeOn, scale } from './strip'

const none: Limits = { min: null, max: null, impossible_min: null, impossible_max: null, suspicious_min: null, suspicious_max: null }

it('has no scale without a limit', () => expect(scale(none, 5)).toBeNull())

it('keeps limits and the last visit in sight, and a wild value at the end', () => {
  for (const limits of [{ ...none, min: 2 }, { ...none, max: 100 }, { ...none, min: -5, max: 5 }, { ...none, min: 0 }]) {
    const span = scale(limits, 7)
    if (!span) throw new Error('a limit makes a scale')
    for (const value of [limits.min, limits.max, 7]) {
      if (value === null) continue
      expect(value).toBeGreaterThanOrEqual(span.low)
      expect(value).toBeLessThanOrEqual(span.high)
    }
    expect(placeOn(1e9, span)).toBe(98)
    expect(placeOn(-1e9, span)).toBe(6)
  }
})
