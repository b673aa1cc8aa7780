import { describe, expect, it } from 'vitest'
import type { Limits } from '../generated/contract'
import { difference, judge, limitWords, reading, verdictWords } from './judge'

const none: Limits = { min: null, max: null, impossible_min: null, impossible_max: null, suspicious_min: null, suspicious_max: null }
const relief: Limits = { ...none, min: 2, impossible_min: 0, impossible_max: 30 }

describe('a reading is judged as the program judges it', () => {
  it('calls a relief valve that opens late out low, and the bound itself in', () => {
    expect(judge(1.8, relief, null)).toBe('out_low')
    expect(judge(2, relief, null)).toBe('in_limits')
    expect(judge(1.999999, relief, null)).toBe('out_low')
  })

  it('calls what no gauge can show impossible, not out of limits', () => {
    expect(judge(712, relief, null)).toBe('impossible')
    expect(judge(-1, relief, null)).toBe('impossible')
    expect(judge(Number.NaN, relief, null)).toBe('impossible')
    expect(judge(null, relief, null)).toBe('not_read_yet')
  })

  it('wants a second look at the same value as last year to one decimal', () => {
    expect(judge(2.4, relief, 2.4)).toBe('suspicious')
    expect(judge(2.4, relief, 2.6)).toBe('in_limits')
    expect(judge(72, { ...none, min: 20 }, 72), 'whole numbers repeat by themselves').toBe('in_limits')
  })
})

describe('the words beside a verdict', () => {
  it('say how far out a value is, with as many decimals as the value has', () => {
    expect(verdictWords('out_low', 1.8, relief, null)).toBe('0.2 low')
    expect(verdictWords('out_high', 104, { ...none, max: 100 }, null)).toBe('4 high')
    expect(difference(2, 1.85)).toBe('0.15')
  })

  it('name the year that is repeated, the bound that cannot be, or the limit', () => {
    expect(verdictWords('suspicious', 1.6, { ...none, min: 1 }, '2025-11-18')).toBe('same as 2025')
    expect(verdictWords('impossible', 712, relief, null)).toBe('over 30')
    expect(limitWords({ ...none, min: 5 })).toBe('min 5.0')
    expect(limitWords({ ...none, min: 20, max: 150 })).toBe('20 to 150')
  })
})

describe('what is typed', () => {
  it('is nothing yet while only a sign or a point stands there', () => {
    expect([reading(''), reading('-'), reading('.'), reading(undefined)]).toEqual([null, null, null, null])
  })

  it('takes a decimal comma and a real minus, and refuses words', () => {
    expect(reading('6,8')).toBe(6.8)
    expect(reading('−0.5')).toBe(-0.5)
    expect(reading('6.8.1')).toBeNaN()
    expect(reading('1e3')).toBeNaN()
  })
})
