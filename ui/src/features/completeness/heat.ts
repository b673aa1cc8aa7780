import type { CategoryCompleteness, HeatCell } from '../../generated/contract'
import { required } from '../../shared/capture'

const first = ['manufacturer', 'model_number', 'serial_number', 'location_detail', 'photo']
const short: Record<string, string> = { manufacturer: 'Maker', model_number: 'Model', serial_number: 'Serial', location_detail: 'Location', photo: 'Photo' }

export type HeatRow = { category: CategoryCompleteness; cells: (HeatCell | undefined)[]; also: HeatCell[] }
export type Heat = { columns: { key: string; label: string }[]; rows: HeatRow[]; also: number }

/** Fields that most categories need are columns; what only a few need stands at the right under "Also required". */
export function heat(categories: CategoryCompleteness[]): Heat {
  const seen = new Map<string, { label: string; times: number }>()
  for (const category of categories)
    for (const cell of category.cells) seen.set(cell.field_key, { label: cell.label, times: (seen.get(cell.field_key)?.times ?? 0) + 1 })
  const common = [...seen].filter(([key, { times }]) => first.includes(key) || times * 2 > categories.length).map(([key]) => key)
  common.sort((a, b) => (first.indexOf(a) + 1 || 99) - (first.indexOf(b) + 1 || 99))
  const columns = common.slice(0, 6).map((key) => ({ key, label: short[key] ?? seen.get(key)?.label ?? key }))
  const rows = categories.map((category) => ({
    category,
    cells: columns.map(({ key }) => category.cells.find((cell) => cell.field_key === key)),
    also: category.cells.filter((cell) => !columns.some(({ key }) => key === cell.field_key)),
  }))
  return { columns, rows, also: Math.max(0, ...rows.map((row) => row.also.length)) }
}

/** The amber step by the share that is missing: to 5, 15, 30, 50 percent, and more. */
export function step(cell: HeatCell): 0 | 1 | 2 | 3 | 4 {
  const all = required(cell.count)
  const missing = all === 0 ? 0 : (cell.count.missing / all) * 100
  if (missing <= 5) return 0
  if (missing <= 15) return 1
  if (missing <= 30) return 2
  return missing <= 50 ? 3 : 4
}
