import type { CaptureCount, Category, DeviceState, EquipmentRow, JobStatus, Problem, SpecGroup } from '../../generated/contract'

/** A small company to look at: one technician's Friday. */
export const today = '2026-11-20'

export type Model = {
  id: string
  number: string
  maker: string
  product: string | null
  category: Category
  ended: number | null
  replacedBy: string | null
  specs: SpecGroup[]
  problems: Problem[]
  notes: string | null
}

const problem = (description: string, symptoms: string, solution: string, frequency: string, severity: string): Problem => ({
  description,
  symptoms: symptoms.split(', '),
  root_cause: null,
  solution,
  severity,
  frequency,
  typical_age_range: '5-10 years',
  related_parts: [],
})

const backflowSpecs: SpecGroup[] = [
  { title: 'Pressure', lines: [['Max pressure', '175 psi'], ['Water temperature', '33 to 180 °F']] },
  { title: 'Physical', lines: [['Sizes', '1/2 to 2 in'], ['Body', 'Lead-free bronze'], ['Ends', 'NPT, female'], ['Shutoffs', 'Quarter turn, 2'], ['Test cocks', '4']] },
]
const backflowProblems = [
  problem('Relief opens low or dribbles', 'Debris on the relief seat, worn diaphragm', 'Flush, then clean the seat or replace the diaphragm', 'common', 'high'),
  problem('Check 1 drops below 5.0', 'Disc worn, spring tired', 'Rubber parts kit for check 1', 'occasional', 'medium'),
  problem('Shutoff 2 leaks by', 'Test cannot be completed', 'Not a fail: record as cannot complete, replace the ball valve', 'occasional', 'low'),
]
const rooftopSpecs: SpecGroup[] = [
  { title: 'Electrical', lines: [['Supply', '208/230 V, 3 ph'], ['Voltage range', '187 to 253 V']] },
  { title: 'Cooling', lines: [['Cooling', '7.5 tons'], ['Refrigerant', 'R-410A, two circuits'], ['Metering', 'Fixed orifice']] },
  { title: 'Heating and air', lines: [['Gas heat', '2 stages'], ['Manifold, nat. gas', '3.5 in wc'], ['Filters', '4, 16x20x2 in'], ['Blower', 'Belt drive'], ['Made', '2008 to 2022']] },
]
const rooftopProblems = [
  problem('Blower belt slips or breaks', 'Weak airflow, coil ices, low suction', 'Replace belt, set tension', 'common', 'high'),
  problem('Condenser fan motor or capacitor', 'High liquid pressure, trips on head', 'Capacitor first', 'common', 'high'),
  problem('Economizer stuck open', 'Warm return air, low temperature drop', 'Check actuator', 'occasional', 'medium'),
]

const model = (number: string, maker: string, category: Category, product: string | null, more: Partial<Model> = {}): Model => ({
  id: `model-${number.toLowerCase().replace(/[^a-z0-9]/g, '')}`,
  number,
  maker,
  product,
  category,
  ended: null,
  replacedBy: null,
  specs: category === 'backflow_preventer' ? backflowSpecs : category === 'hvac' ? rooftopSpecs : [{ title: 'Physical', lines: [['Made', '2004 to today']] }],
  problems: category === 'backflow_preventer' ? backflowProblems : category === 'hvac' ? rooftopProblems : [],
  notes: null,
  ...more,
})

export const models: Model[] = [
  model('LF009M2QT', 'Watts', 'backflow_preventer', 'reduced pressure zone, lead free', { notes: 'Replaces 009M2QT with the same lay length.' }),
  model('009M2QT', 'Watts', 'backflow_preventer', 'reduced pressure zone', { ended: 2013, replacedBy: 'model-lf009m2qt' }),
  model('LF009M2QT-S', 'Watts', 'backflow_preventer', 'the same with strainer'),
  model('LFU009M2QT', 'Watts', 'backflow_preventer', 'the same with union ends'),
  model('LF009M2-QT-FS', 'Watts', 'backflow_preventer', 'the same with flood sensor'),
  model('009M2PCQT', 'Watts', 'backflow_preventer', 'polymer coated', { ended: 2013 }),
  model('LF007M2QT', 'Watts', 'backflow_preventer', 'double check'),
  model('007M2QT', 'Watts', 'backflow_preventer', 'double check', { ended: 2013 }),
  model('375', 'Zurn', 'backflow_preventer', 'Wilkins reduced pressure principle'),
  model('825Y', 'Febco', 'backflow_preventer', 'reduced pressure assembly'),
  model('4AEF10', 'Peerless', 'fire_pump', 'horizontal split case, 1000 gpm'),
  model('CR 3-10', 'Grundfos', 'fire_pump', 'vertical multistage jockey pump'),
  model('FTA1000', 'Firetrol', 'other', 'fire pump controller'),
  model('ZW5004', 'Zurn', 'standpipe', 'hose valve'),
  model('B456', 'Amerex', 'fire_extinguisher', '10 lb ABC'),
  model('B402', 'Amerex', 'fire_extinguisher', '5 lb ABC'),
  model('FSP-951', 'Notifier', 'smoke_detector', 'addressable photoelectric'),
  model('NFS2-3030', 'Notifier', 'fire_alarm_panel', 'ONYX'),
  model('TY323', 'Tyco', 'sprinkler_head', 'pendent, standard response'),
  model('48TCED08A2A5-0A0A0', 'Carrier', 'hvac', 'WeatherMaker, 7.5 tons'),
  model('YSC092', 'Trane', 'hvac', 'Precedent, 7.5 tons'),
]

export type Item = EquipmentRow & { model_id: string | null; missing: string[]; state: DeviceState; out: number; answered: [number, number] | null; inspection: string | null; place: string }

const sites = {
  harbor: { id: 'site-harbor', name: 'Harbor Point Tower', address: '400 Quay Street', city: 'Portland, ME' },
  mercy: { id: 'site-mercy', name: 'Mercy Lane Clinic', address: '12 Mercy Lane', city: 'Portland, ME' },
  lakeside: { id: 'site-lakeside', name: 'Lakeside Cold Storage', address: '8 Dock Road', city: 'South Portland, ME' },
  ridgeway: { id: 'site-ridgeway', name: 'Ridgeway School', address: '77 Ridgeway Avenue', city: 'Westbrook, ME' },
}
export type SiteKey = keyof typeof sites
export const siteOf = sites

let serials = 41000
function item(site: SiteKey, tag: string, modelNumber: string, place: string, more: { missing?: string[]; justified?: number; state?: DeviceState; out?: number; answered?: [number, number]; fields?: number } = {}): Item {
  const known = models.find((m) => m.number === modelNumber)
  const missing = more.missing ?? []
  const justified = more.justified ?? 0
  const fields = more.fields ?? 5
  const capture: CaptureCount = { captured: fields - missing.length - justified, justified, missing: missing.length }
  return {
    equipment_id: `eq-${site}-${tag.toLowerCase()}`,
    tag,
    category: known?.category ?? 'other',
    manufacturer: known?.maker ?? null,
    model_number: modelNumber,
    serial_number: missing.includes('serial') ? null : `${(serials += 37)}C${tag.length}`,
    location_id: sites[site].id,
    location_name: sites[site].name,
    location_detail: place,
    status: 'active',
    capture,
    model_id: known?.id ?? null,
    missing,
    state: more.state ?? 'not_started',
    out: more.out ?? 0,
    answered: more.answered ?? null,
    inspection: more.state && more.state !== 'not_started' ? `insp-${site}-${tag.toLowerCase()}` : null,
    place,
  }
}

const numbered = (n: number, prefix: string) => Array.from({ length: n }, (_, i) => `${prefix}${String(i + 1).padStart(prefix === 'D' ? 3 : 2, '0')}`)

export const items: Item[] = [
  item('harbor', 'FP-1', '4AEF10', 'Pump room B2', { state: 'started', out: 1, answered: [41, 52] }),
  item('harbor', 'BFP-1', 'LF009M2QT', 'Pump room B2', { state: 'passed', fields: 6 }),
  item('harbor', 'BFP-2', 'LF009M2QT', 'Pump room B2', { state: 'started', out: 1, answered: [9, 24], missing: ['serial', 'installation date'], fields: 6 }),
  item('harbor', 'JP-1', 'CR 3-10', 'Pump room B2', { missing: ['serial', 'photo'] }),
  item('harbor', 'FPC-1', 'FTA1000', 'Pump room B2', { justified: 1 }),
  item('harbor', 'SP-3', 'ZW5004', 'Stairs A and B', { missing: ['serial'] }),
  item('harbor', 'SP-4', 'ZW5004', 'Stairs A and B', { missing: ['photo'] }),
  item('harbor', 'SP-1', 'ZW5004', 'Stairs A and B'),
  item('harbor', 'SP-2', 'ZW5004', 'Stairs A and B'),
  ...['RSR-1', 'RSR-2', 'RSR-3'].map((tag) => item('harbor', tag, 'TY323', 'Riser room', { state: 'passed' })),
  ...numbered(31, 'E-').map((tag, i) => item('harbor', tag, i % 3 === 2 ? 'B402' : 'B456', `Floor ${14 - Math.floor(i / 2.4)}`, { state: i === 12 ? 'failed' : i < 22 ? 'passed' : 'not_started', out: i === 12 ? 1 : 0 })),
  ...numbered(21, 'D').map((tag, i) => item('harbor', tag, 'FSP-951', `Floor ${14 - Math.floor(i / 2)}, corridor`, { state: i < 12 ? 'passed' : 'not_started' })),
  item('mercy', 'BFP-4', '375', 'Kitchen', { missing: ['installation date', 'photo'], fields: 6 }),
  item('mercy', 'BFP-5', '375', 'Laundry', { missing: ['installation date'], fields: 6 }),
  item('mercy', 'FACP-1', 'NFS2-3030', 'Lobby', { missing: ['serial'] }),
  ...numbered(14, 'M-').map((tag) => item('mercy', tag, 'B456', 'Corridors')),
  item('lakeside', 'BFP-2', '825Y', 'Dock 4 pit', { justified: 1, fields: 6 }),
  item('ridgeway', 'RTU-2', '48TCED08A2A5-0A0A0', 'Main roof, gym side', { missing: ['belt size'], fields: 7 }),
  item('ridgeway', 'RTU-3', 'YSC092', 'Main roof, library side', { missing: ['belt size', 'filter size'], fields: 7 }),
]

export type Job = {
  id: string
  number: string
  title: string
  site: SiteKey
  customer: string
  type: string
  status: JobStatus
  priority: string
  date: string
  time: string | null
  minutes: number | null
  words: string
  mine: boolean
  started: string | null
  ended: string | null
}
const job = (number: string, title: string, site: SiteKey, type: string, date: string, time: string | null, minutes: number, words: string, more: Partial<Job> = {}): Job => ({
  id: `job-${number.toLowerCase()}`,
  number,
  title,
  site,
  customer: 'Northgate Facilities',
  type,
  status: 'scheduled',
  priority: 'normal',
  date,
  time,
  minutes,
  words,
  mine: true,
  started: null,
  ended: null,
  ...more,
})

export const jobs: Job[] = [
  job('J-20817', 'Annual fire protection', 'harbor', 'inspection', today, '08:00', 360, 'Pump 2, backflow 2, standpipes 4, extinguishers 31, detectors 21', { status: 'in_progress', started: '2026-11-20T13:12:00Z' }),
  job('J-20822', 'Backflow and extinguishers', 'mercy', 'inspection', today, '13:30', 105, 'Backflow 2, extinguishers 14, alarm panel 1'),
  job('J-20825', 'Dry system, quarterly', 'lakeside', 'inspection', today, '15:30', 60, 'Two people in the ammonia area'),
  job('J-20831', 'RTU-2 not cooling', 'ridgeway', 'repair', today, '16:45', 75, 'Carrier 48TCED08, repair', { priority: 'high' }),
  job('J-20840', 'Semiannual detectors', 'mercy', 'inspection', '2026-11-23', '08:00', 120, 'Detectors 40'),
  job('J-20841', 'Filter change', 'ridgeway', 'maintenance', '2026-11-23', '10:30', 60, 'Rooftop units 2'),
  job('J-20842', 'Main drain', 'harbor', 'inspection', '2026-11-23', '13:00', 60, 'Risers 3'),
  job('J-20843', 'Panel battery', 'mercy', 'repair', '2026-11-23', '15:00', 45, 'Alarm panel 1'),
  job('J-20790', 'Quarterly sprinkler', 'lakeside', 'inspection', '2026-11-17', '09:00', 90, 'Risers 2', { status: 'completed', started: '2026-11-17T14:02:00Z', ended: '2026-11-17T15:20:00Z' }),
  job('J-20781', 'Heating service', 'ridgeway', 'maintenance', '2026-11-13', '09:00', 120, 'Rooftop units 2', { status: 'completed', mine: false, started: '2026-11-13T14:02:00Z', ended: '2026-11-13T16:20:00Z' }),
]

export const jobItems = (job: Job) => items.filter((i) => i.location_id === sites[job.site].id)
