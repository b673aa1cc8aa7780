import type { DraftBody, InspectionSheet, ItemSheet, ItemType, Limits, PhotoTile, Section } from '../../generated/contract'
import { judge, reading, verdictWords } from '../../shared/judge'
import { jobs, models, type Item } from './company'

const none: Limits = { min: null, max: null, impossible_min: null, impossible_max: null, suspicious_min: null, suspicious_max: null }
type Template = { title: string; items: Partial<ItemSheet>[] }

const ask = (key: string, label: string, item_type: ItemType, more: Partial<ItemSheet> = {}): Partial<ItemSheet> => ({ key, label, item_type, ...more })
const psid = (key: string, label: string, min: number, last: string, why: string, more: Partial<ItemSheet> = {}) =>
  ask(key, label, 'number', { unit: 'psid', limits: { ...none, min, impossible_min: 0, impossible_max: 30 }, last, why, limit_source: 'Rule of City Water (purveyor), in template RP annual, rev 3.', ...more })

const backflow: Template[] = [
  { title: 'Before you start', items: [ask('monitoring_on_test', 'Monitoring is on test', 'yes_no', { last: 'Yes' }), ask('tenants_warned', 'Tenants are warned', 'yes_no', { last: 'Yes' })] },
  { title: 'Set up', items: [ask('kit', 'Test kit', 'choice', { choices: ['Midwest 845-5', 'Apollo 40-200-TKU'], last: 'Midwest 845-5' }), ask('gauge_due', 'Kit is due for calibration', 'date', { last: 'Mar 2026' })] },
  {
    title: 'Initial test',
    items: [
      ask('line_pressure', 'Line pressure', 'number', { unit: 'psi', limits: { ...none, min: 20, max: 150, impossible_min: 0, impossible_max: 600 }, last: '74', why: 'The supply must hold between 20 and 150 psi.', limit_source: 'Company default.' }),
      psid('check_1', 'Check valve 1', 5, '7.2', 'Check valve 1 must hold 5.0 psid or more.'),
      psid('relief', 'Relief valve opens', 2, '2.4', 'The relief valve must open at 2.0 psid or more.', { proposed: { severity: 'critical', text: 'Relief valve opens below 2.0 psid', action: 'Clean seat, replace diaphragm' } }),
      ask('buffer', 'Buffer', 'computed', { unit: 'psid', limits: { ...none, min: 3 }, last: '4.8', computed_from: 'check 1 minus relief', why: 'The buffer must be 3.0 psid or more.', limit_source: 'Company default.' }),
      psid('check_2', 'Check valve 2', 1, '1.6', 'Check valve 2 must hold 1.0 psid or more.'),
      ask('shutoff_2', 'Shutoff 2 holds', 'yes_no', { last: 'Yes', why: 'Closed tight. A leak is not a fail: the test cannot be completed.' }),
    ],
  },
  { title: 'Repair', items: [ask('repair', 'What was repaired', 'text', { required: false })] },
  { title: 'Final test', items: [psid('final_relief', 'Relief valve opens', 2, '2.4', 'The relief valve must open at 2.0 psid or more.', { required: false }), psid('final_check_1', 'Check valve 1', 5, '7.2', 'Check valve 1 must hold 5.0 psid or more.', { required: false })] },
  { title: 'Checklist', items: ['Air gap is right', 'Test cocks are plugged', 'Valves are open again', 'Tag is dated'].map((label, i) => ask(`check_${i}_done`, label, 'yes_no', { last: 'Yes', key: `done_${i}` })) },
  { title: 'Photos', items: [ask('photo_overview', 'Overview', 'photo'), ask('nameplate', 'Nameplate', 'photo', { required: false })] },
]

const plain: Template[] = [
  { title: 'Visual', items: [ask('in_place', 'In its place', 'yes_no', { last: 'Yes' }), ask('access_clear', 'Access is clear', 'yes_no', { last: 'Yes' }), ask('seal', 'Seal is whole', 'yes_no', { last: 'Yes' })] },
  { title: 'Readings', items: [ask('pressure', 'Pressure', 'number', { unit: 'psi', limits: { ...none, min: 175, max: 215, impossible_min: 0, impossible_max: 600 }, last: '195', why: 'The gauge must stand in the green field.', limit_source: 'Nameplate.', proposed: { severity: 'critical', text: 'Pressure is out of the green field', action: 'Replace from the truck' } })] },
]

const started: DraftBody = {
  answers: { monitoring_on_test: 'yes', tenants_warned: 'yes', kit: 'Midwest 845-5', gauge_due: '2027-03-01', line_pressure: '72', check_1: '6.8', relief: '1.8', check_2: '1.6' },
  not_tested: {},
  confirmed: [],
  findings: '',
  recommendations: '',
  deficiencies: [],
  next_due: null,
  override_passed: null,
  override_reason: null,
}
const empty = (): DraftBody => ({ ...started, answers: {}, not_tested: {}, confirmed: [], deficiencies: [] })

type Draft = { body: DraftBody; saved: string | null; completed: boolean; photos: PhotoTile[] }
const drafts = new Map<string, Draft>()

const tile = (photo_id: string, caption: string, field_key: string, state: PhotoTile['state']): PhotoTile => ({ photo_id, caption, field_key, taken_at: '2026-11-20T14:51:00Z', position: null, state, width: 1600, height: 1200, byte_count: 2_800_000 })

export function draftOf(item: Item): Draft {
  const key = item.equipment_id
  let draft = drafts.get(key)
  if (!draft) {
    draft = item.tag === 'BFP-2' && item.location_id === 'site-harbor'
      ? { body: structuredClone(started), saved: '2026-11-20T14:52:18Z', completed: false, photos: [tile('overview', 'Overview', 'photo_overview', 'waiting'), tile('gauge', 'Relief 1.8 psid', 'relief', 'sending')] }
      : { body: empty(), saved: null, completed: item.state === 'passed' || item.state === 'failed', photos: [] }
    drafts.set(key, draft)
  }
  return draft
}

function judged(template: Partial<ItemSheet>, body: DraftBody): ItemSheet {
  const item: ItemSheet = { key: '', label: '', item_type: 'text', unit: null, required: true, choices: [], limits: none, limit_source: null, why: null, last: null, verdict: 'not_read_yet', verdict_words: '', proposed: null, computed_from: null, value: null, ...template }
  if (item.item_type === 'computed') {
    const a = reading(body.answers.check_1)
    const b = reading(body.answers.relief)
    item.value = a === null || b === null ? null : (a - b).toFixed(1)
  }
  if (item.item_type !== 'number' && item.item_type !== 'computed') {
    const answer = body.answers[item.key]
    item.verdict = answer === undefined || answer === '' ? 'not_read_yet' : answer === 'no' && item.item_type === 'yes_no' ? 'out_low' : 'in_limits'
    item.verdict_words = answer === 'no' ? 'must be yes' : ''
    return item
  }
  const value = reading(item.item_type === 'computed' ? item.value : body.answers[item.key])
  const last = item.item_type === 'number' && !body.confirmed.includes(item.key) ? reading(item.last) : null
  item.verdict = judge(value, item.limits, last)
  item.verdict_words = verdictWords(item.verdict, value, item.limits, '2025-11-18')
  return item
}

const templateOf = (item: Item) => (item.category === 'backflow_preventer' ? backflow : plain)

export function sections(item: Item, draft: Draft): Section[] {
  const isAnswered = (i: ItemSheet) =>
    i.item_type === 'photo' ? draft.photos.some((p) => p.field_key === i.key) : i.value !== null || !!draft.body.answers[i.key] || !!draft.body.not_tested[i.key]
  return templateOf(item).map(({ title, items }) => {
    const sheets = items.map((i) => judged(i, draft.body))
    return { title, items: sheets, answered: sheets.filter(isAnswered).length }
  })
}

export function beforeComplete(item: Item, draft: Draft): string[] {
  const open = sections(item, draft).flatMap((s) => s.items.filter((i) => i.required && i.item_type !== 'computed' && i.item_type !== 'photo' && !draft.body.answers[i.key] && !draft.body.not_tested[i.key]))
  const doubtful = sections(item, draft).flatMap((s) => s.items.filter((i) => i.verdict === 'suspicious'))
  const out: string[] = []
  if (open.length) out.push(`${open.length} not read yet: ${open.slice(0, 2).map((i) => i.label.toLowerCase()).join(', ')}${open.length > 2 ? ' and more' : ''}`)
  for (const i of doubtful) out.push(`${i.label}: read it again, or retype it`)
  return out
}

export function inspectionSheet(item: Item, jobId: string): InspectionSheet {
  const draft = draftOf(item)
  const known = models.find((m) => m.id === item.model_id)
  return {
    inspection_id: `insp-${item.equipment_id}`,
    job_id: jobId,
    equipment_id: item.equipment_id,
    tag: item.tag,
    category: item.category,
    manufacturer: item.manufacturer,
    model_number: item.model_number,
    location_name: jobs.find((j) => j.id === jobId)?.site === 'harbor' ? 'Harbor Point Tower' : item.location_name,
    template_name: item.category === 'backflow_preventer' ? 'Annual backflow test' : 'Annual inspection',
    template_source: item.category === 'backflow_preventer' ? 'RP annual, rev 3' : 'NFPA 10, 2022, rev 2',
    templates: [{ template_id: 'template-1', name: 'Annual', current: true }],
    sections: sections(item, draft),
    body: draft.body,
    photos: draft.photos,
    capture: item.capture,
    last_visit: '2025-11-18',
    saved_at: draft.saved,
    completed: draft.completed,
    proposed_due: '2027-11-20',
    problems: known?.problems ?? [],
    before_complete: beforeComplete(item, draft),
  }
}
