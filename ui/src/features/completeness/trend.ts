import type { TrendPoint } from '../../generated/contract'
import { count } from '../../shared/format'

/** The line's points in a box, the scale never closer than ten percent points so that noise stays small. */
export function trendLine(points: TrendPoint[], width: number, height: number): { x: number; y: number }[] {
  if (points.length === 0) return []
  const values = points.map((point) => point.percentage)
  const middle = (Math.min(...values) + Math.max(...values)) / 2
  const span = Math.max(10, Math.max(...values) - Math.min(...values))
  const low = middle - span / 2
  return points.map((point, i) => ({
    x: points.length === 1 ? width : (i / (points.length - 1)) * width,
    y: height - ((point.percentage - low) / span) * height,
  }))
}

export const path = (points: { x: number; y: number }[]) => points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')

/** "+16 points in 12 months". */
export function change(points: TrendPoint[]): string {
  const first = points[0]
  const last = points.at(-1)
  if (!first || !last || points.length < 2) return ''
  const by = Math.round(last.percentage - first.percentage)
  const sign = by > 0 ? '+' : by < 0 ? '−' : ''
  return `${sign}${Math.abs(by)} ${Math.abs(by) === 1 ? 'point' : 'points'} in ${count(points.length - 1, 'month')}`
}
