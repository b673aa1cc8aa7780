import type { CaptureCount } from '../generated/contract'

export const captureWords = { captured: 'Captured', justified: 'Justified', missing: 'Missing', unknown: 'Unknown' } as const
export type CaptureKind = keyof typeof captureWords

/** Always in this order, in every ring, bar and legend. */
export const captureOrder: CaptureKind[] = ['captured', 'justified', 'missing', 'unknown']

export const required = (count: CaptureCount) => count.captured + count.justified + count.missing
export const done = (count: CaptureCount) => count.captured + count.justified

/** "6 of 7 captured" for a reader, with what is justified and missing where there is any. */
export function captureSentence(count: CaptureCount): string {
  const parts = [`${count.captured} of ${required(count)} captured`]
  if (count.justified) parts.push(`${count.justified} justified`)
  if (count.missing) parts.push(`${count.missing} missing`)
  return parts.join(', ')
}

export const gapWords = (count: CaptureCount) => (count.missing === 0 ? 'No gaps' : count.missing === 1 ? '1 gap' : `${count.missing} gaps`)

type Arc = { kind: CaptureKind; from: number; to: number }

/**
 * The ring's arcs in degrees, clockwise from the top. One per field up to twelve; beyond that the ring stays readable by
 * showing shares, and a share that is not zero never vanishes.
 */
export function arcs(count: CaptureCount, unknown = 0): Arc[] {
  const amounts: [CaptureKind, number][] = [
    ['captured', count.captured],
    ['justified', count.justified],
    ['missing', count.missing],
    ['unknown', unknown],
  ]
  const total = amounts.reduce((sum, [, n]) => sum + n, 0)
  if (total === 0) return [{ kind: 'unknown', from: 8, to: 352 }]
  const most = 12
  let kinds: CaptureKind[]
  if (total <= most) {
    kinds = amounts.flatMap(([kind, n]) => Array.from({ length: n }, () => kind))
  } else {
    const present = amounts.filter(([, n]) => n > 0)
    const spare = most - present.length
    kinds = present.flatMap(([kind, n]) => Array.from({ length: 1 + Math.floor((spare * n) / total) }, () => kind))
  }
  if (kinds.length === 1) return [{ kind: kinds[0] ?? 'unknown', from: 0, to: 359.9 }]
  const step = 360 / kinds.length
  const gap = Math.min(17, step / 3)
  return kinds.map((kind, i) => ({ kind, from: i * step + gap / 2, to: (i + 1) * step - gap / 2 }))
}

const point = (radius: number, degrees: number) => {
  const a = ((degrees - 90) * Math.PI) / 180
  return `${(20 + radius * Math.cos(a)).toFixed(2)} ${(20 + radius * Math.sin(a)).toFixed(2)}`
}

/** A thick stroke for what is there, the outline of the same arc for what is missing. */
export function arcPath({ kind, from, to }: Arc): string {
  const large = to - from > 180 ? 1 : 0
  if (kind !== 'missing') return `M${point(15, from)}A15 15 0 ${large} 1 ${point(15, to)}`
  return `M${point(17, from)}A17 17 0 ${large} 1 ${point(17, to)}L${point(13, to)}A13 13 0 ${large} 0 ${point(13, from)}Z`
}
