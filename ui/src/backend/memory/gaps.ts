import type { CaptureCount, Category, CategoryCompleteness, Completeness, DrillRow, HeatCell } from '../../generated/contract'
import { items } from './company'

const labels: Record<string, string> = { manufacturer: 'Maker', model_number: 'Model', serial_number: 'Serial', location_detail: 'Location', photo: 'Photo', installation_date: 'Install date', 'components.filter_size': 'Filter', 'components.belt_size': 'Belt' }
const keys = ['manufacturer', 'model_number', 'serial_number', 'location_detail', 'photo']

const split = (n: number, percentage: number, justified: number): CaptureCount => {
  const kept = Math.round((n * percentage) / 100)
  const j = Math.min(kept, Math.round((n * justified) / 100))
  return { captured: kept - j, justified: j, missing: n - kept }
}
const cell = (field_key: string, n: number, percentage: number, justified = 0): HeatCell => ({ field_key, label: labels[field_key] ?? field_key, count: split(n, percentage, justified), percentage })

const rows: [Category, number, (number | null)[], [string, number][]?][] = [
  ['fire_pump', 41, [100, 98, 93, 100, 95]],
  ['backflow_preventer', 212, [99, 97, 88, 96, 84], [['installation_date', 58]]],
  ['sprinkler_head', 388, [97, 91, null, 98, 81]],
  ['fire_extinguisher', 1904, [99, 98, 90, 99, 86]],
  ['fire_alarm_panel', 76, [100, 100, 82, 100, 97]],
  ['smoke_detector', 1120, [96, 94, 61, 98, 72]],
  ['hvac', 304, [99, 97, 92, 95, 89], [['components.filter_size', 76], ['components.belt_size', 47]]],
  ['standpipe', 143, [93, 88, 69, 99, 90]],
  ['other', 96, [78, 71, 64, 92, 66]],
]

export const categories: CategoryCompleteness[] = rows.map(([category, n, five, more = []]) => ({
  category,
  items: n,
  cells: [...five.flatMap((p, i) => (p === null ? [] : [cell(keys[i] ?? '', n, p, p < 95 ? 4 : 0)])), ...more.map(([key, p]) => cell(key, n, p, 2))],
}))

export const completeness: Completeness = {
  as_of: '2026-11-20T17:06:00Z',
  filter_words: 'all sites',
  total: { captured: 14_981, justified: 1_142, missing: 1_903 },
  unknown: 394,
  percentage: 87.5,
  categories,
  sites: [
    { location_id: 'site-ridgeway', name: 'Ridgeway School', count: { captured: 58, justified: 8, missing: 34 }, percentage: 66 },
    { location_id: 'site-lakeside', name: 'Lakeside Cold Storage', count: { captured: 66, justified: 9, missing: 25 }, percentage: 75 },
    { location_id: 'site-mercy', name: 'Mercy Lane Clinic', count: { captured: 78, justified: 4, missing: 18 }, percentage: 82 },
    { location_id: 'site-dunmore', name: 'Dunmore Mall', count: { captured: 74, justified: 10, missing: 16 }, percentage: 84 },
    { location_id: 'site-harbor', name: 'Harbor Point Tower', count: { captured: 88, justified: 3, missing: 9 }, percentage: 91 },
  ],
  technicians: [
    { user_id: 'user-reyes', name: 'D. Reyes', logs: 41, median: 92, quartiles: [84, 98] },
    { user_id: 'user-osei', name: 'K. Osei', logs: 28, median: 86, quartiles: [71, 94] },
    { user_id: 'user-lind', name: 'P. Lind', logs: 3, median: null, quartiles: null },
  ],
  trend: [71, 72, 73.2, 75, 77, 79.2, 79, 76, 79.5, 82, 84.4, 86.3, 87.5].map((percentage, i) => ({ month: `${i < 2 ? 2025 : 2026}-${String(((i + 10) % 12) + 1).padStart(2, '0')}`, percentage, logs: 30 + i })),
  laptops: [
    { name: 'Laptop 04', user: 'K. Osei', last_seen_at: '2026-11-11T15:00:00Z', unsent: 310, silent: true },
    { name: 'Laptop 07', user: 'D. Reyes', last_seen_at: '2026-11-20T11:52:31Z', unsent: 8, silent: false },
    { name: 'Laptop 02', user: 'P. Lind', last_seen_at: '2026-11-20T17:03:00Z', unsent: 0, silent: false },
  ],
  top_gaps: [
    { field_key: 'serial_number', label: 'Serial', category: 'smoke_detector', missing: 437 },
    { field_key: 'photo', label: 'Photo', category: 'smoke_detector', missing: 314 },
    { field_key: 'photo', label: 'Photo', category: 'fire_extinguisher', missing: 267 },
    { field_key: 'components.belt_size', label: 'Belt', category: 'hvac', missing: 161 },
  ],
}

export const drill = (): DrillRow[] =>
  items
    .filter((i) => i.missing.length > 0 || i.capture.justified > 0)
    .map((i) => ({
      equipment_id: i.equipment_id,
      tag: i.tag,
      category: i.category,
      location_name: i.location_name,
      location_detail: i.location_detail,
      missing: i.missing,
      justified: i.capture.justified ? ['serial: cannot be read'] : [],
      last_visit: '2025-11-18',
      last_inspector: 'D. Reyes',
      photos: i.missing.includes('photo') ? 0 : 2,
    }))
