import { expect, it } from 'vitest'
import type { CategoryCompleteness, HeatCell } from '../../generated/contract'
import { heat, step } from './heat'
import { change, trendLine } from './trend'

const cell = (field_key: string, missing: number): HeatCell => ({ field_key, label: field_key, count: { captured: 100 - missing, justified: 0, missing }, percentage: 100 - missing })
const category = (name: CategoryCompleteness['category'], ...cells: HeatCell[]): CategoryCompleteness => ({ category: name, items: 100, cells })

it('makes columns of what most need, and keeps what few need beside its row', () => {
  const map = heat([
    category('hvac', cell('photo', 1), cell('serial_number', 1), cell('components.belt_size', 60)),
    category('fire_pump', cell('serial_number', 1), cell('photo', 1)),
    category('standpipe', cell('photo', 1)),
  ])
  expect(map.columns.map((column) => column.label)).toEqual(['Serial', 'Photo'])
  expect(map.rows[0]?.also.map((one) => one.field_key)).toEqual(['components.belt_size'])
  expect(map.rows[2]?.cells[0], 'not required is not the same as complete').toBeUndefined()
})

it('steps by the share that is missing', () => {
  expect([0, 5, 6, 15, 30, 50, 51].map((missing) => step(cell('x', missing)))).toEqual([0, 0, 1, 1, 2, 3, 4])
})

it('keeps the trend calm when little changed, and says the change in points', () => {
  const points = [71, 71.4].map((percentage, i) => ({ month: `2026-0${i + 1}`, percentage, logs: 9 }))
  const [a, b] = trendLine(points, 100, 100)
  expect(Math.abs((a?.y ?? 0) - (b?.y ?? 0))).toBeLessThan(5)
  expect(change([{ month: '2025-11', percentage: 71, logs: 3 }, { month: '2025-12', percentage: 87, logs: 3 }])).toBe('+16 points in 1 month')
  expect(trendLine([], 10, 10)).toEqual([])
})
