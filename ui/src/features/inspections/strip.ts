import type { Limits } from '../../generated/contract'

/** The strip's scale: from limits and the last visit alone, so that it holds still while a value is typed. */
export function scale({ min, max }: Limits, last: number | null): { low: number; high: number } | null {
  if (min === null && max === null) return null
  if (min !== null && max !== null) {
    const room = (max - min || Math.abs(max) || 1) * 0.17
    return { low: Math.min(min - room, last ?? min), high: Math.max(max + room, last ?? max) }
  }
  const limit = min ?? max ?? 0
  const size = Math.abs(limit) || 1
  const low = Math.min(limit < 0 ? limit - size : 0, last ?? 0)
  return { low, high: Math.max(limit + size * (min !== null ? 1.2 : 0.4), (last ?? limit) + size * 0.15) }
}

/** A value's place between 6 and 98, kept in sight at the ends. */
export const placeOn = (value: number, { low, high }: { low: number; high: number }) => 6 + 92 * Math.max(0, Math.min(1, (value - low) / (high - low)))
