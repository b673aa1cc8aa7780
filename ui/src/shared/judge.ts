import type { Limits, Verdict } from '../generated/contract'

/**
 * What a reading is worth, by the same rule as the program behind the window, so that the verdict comes with the digit.
 * Once the draft is saved the program's own verdict stands.
 */
export function judge(value: number | null, limits: Limits, last: number | null): Verdict {
  if (value === null) return 'not_read_yet'
  const below = (bound: number | null) => bound !== null && value < bound
  const above = (bound: number | null) => bound !== null && value > bound
  if (!Number.isFinite(value) || below(limits.impossible_min) || above(limits.impossible_max)) return 'impossible'
  if (below(limits.min)) return 'out_low'
  if (above(limits.max)) return 'out_high'
  if (below(limits.suspicious_min) || above(limits.suspicious_max)) return 'suspicious'
  if (last !== null && Math.abs(last - value) < 0.05 && value !== 0 && !Number.isInteger(value)) return 'suspicious'
  return 'in_limits'
}

/** The reading typed so far; null for nothing yet, NaN for what is no number. */
export function reading(text: string | undefined | null): number | null {
  const trimmed = (text ?? '').trim().replace('−', '-').replace(',', '.')
  if (trimmed === '' || trimmed === '-' || trimmed === '.') return null
  return /^-?(\d+\.?\d*|\.\d+)$/.test(trimmed) ? Number(trimmed) : Number.NaN
}

/** As many decimals as the longer of the two has, so that 2.0 minus 1.8 is 0.2. */
export function difference(a: number, b: number): string {
  const places = (n: number) => (String(n).split('.')[1] ?? '').length
  return Math.abs(a - b).toFixed(Math.min(3, Math.max(places(a), places(b))))
}

export function limitWords(limits: Limits): string {
  if (limits.min !== null && limits.max !== null) return `${limits.min} to ${limits.max}`
  if (limits.min !== null) return `min ${decimals(limits.min)}`
  if (limits.max !== null) return `max ${decimals(limits.max)}`
  return 'no limit'
}
const decimals = (n: number) => (Math.abs(n) < 10 && Number.isInteger(n) ? n.toFixed(1) : String(n))

export function verdictWords(verdict: Verdict, value: number | null, limits: Limits, lastVisit: string | null): string {
  switch (verdict) {
    case 'out_low':
      return `${difference(value ?? 0, limits.min ?? 0)} low`
    case 'out_high':
      return `${difference(value ?? 0, limits.max ?? 0)} high`
    case 'suspicious':
      if (value !== null && limits.suspicious_min !== null && value < limits.suspicious_min) return `unusually low`
      if (value !== null && limits.suspicious_max !== null && value > limits.suspicious_max) return `unusually high`
      return lastVisit ? `same as ${lastVisit.slice(0, 4)}` : 'same as last time'
    case 'impossible':
      if (value !== null && limits.impossible_max !== null && value > limits.impossible_max) return `over ${limits.impossible_max}`
      if (value !== null && limits.impossible_min !== null && value < limits.impossible_min) return `under ${limits.impossible_min}`
      return 'not a number'
    default:
      return limitWords(limits)
  }
}
