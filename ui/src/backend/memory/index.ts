import type { Backup, Commands, EquipmentSheet, Event, Failure, JobRow, JobSheet, PhotoTile, RescueFile, Session, SignedOut, SyncStatus, WorkItem } from '../../generated/contract'
import type { Backend, Command } from '../backend'
import { items, jobItems, jobs, models, siteOf, today, type Item, type Job } from './company'
import { categories, completeness, drill } from './gaps'
import { beforeComplete, draftOf, inspectionSheet, sections } from './inspection'
import { saveText } from './save'
import { findModels, limitsOf, modelSheet } from './specs'
import { conflicts, items as work, parked, status } from './work'

const choice = new URLSearchParams(globalThis.location?.search ?? '')
const manager = choice.get('user') === 'manager'
const session: Session = {
  user_id: manager ? 'user-webb' : 'user-reyes',
  full_name: manager ? 'Sam Webb' : 'Dana Reyes',
  role: manager ? 'manager' : 'technician',
  device_id: 'device-7',
  device_name: 'Laptop 07',
  company: 'Northgate Facilities',
  demo: false,
  today,
}

let heard: (event: Event) => void = () => undefined
let open = choice.get('start') === null
let locked = choice.get('start') === 'locked'
let revoked = choice.get('start') === 'revoked'
let signedOut: SignedOut | null = null
const now = () => new Date().toISOString()
const fail = (failure: Partial<Failure> & { message: string }): never => {
  throw { code: 'bad_input', safe: 'Nothing was changed.', next: '', field: null, ...failure } satisfies Failure
}
const need = <T>(thing: T | undefined): T => thing ?? fail({ code: 'not_here', message: 'This is not on this laptop any more.', next: 'Go back to the list.' })

if (choice.get('net') === 'online') Object.assign(status, { net: 'online', last_receipt_at: '2026-11-20T17:06:31Z' })
if (choice.get('work') === 'month') {
  const saved = need(work.find((w) => w.state === 'saved'))
  for (let n = 0; n < 1_000; n++) work.push({ ...saved, id: `month-${n}`, saved_at: `2026-11-19T10:${String(n % 60).padStart(2, '0')}:00Z` })
}
if (choice.get('sync') === 'sending') Object.assign(status, { net: 'online', sending: 2, only_here: 9, activity: 'sending' })
if (choice.get('sync') === 'photos') Object.assign(status, { net: 'online', sending: 1, only_here: 10, needs_you: 0, photos_waiting: 10, photo_bytes_waiting: 28_400_000, activity: 'sending_photos', photo: { number: 3, of: 12, bytes_done: 1_400_000, byte_count: 3_000_000 } })
if (choice.get('sync') === 'clear') {
  Object.assign(status, { net: 'online', only_here: 0, photos_waiting: 0, needs_you: 0, photo_bytes_waiting: 0, oldest_unsent_at: null, last_receipt_at: '2026-11-20T17:06:31Z' })
  work.length = 0
  conflicts.length = 0
}
// Enrolled a moment ago: nothing has come yet, and nothing was made here.
const bare = choice.get('sync') === 'begun' || choice.get('sync') === 'never'
if (bare) {
  for (const list of [work, conflicts, parked, jobs, items, models]) list.length = 0
  Object.assign(status, { only_here: 0, needs_you: 0, photos_waiting: 0, photo_bytes_waiting: 0, on_server_week: 0, photos_on_server_week: 0, oldest_unsent_at: null, last_receipt_at: null, last_success_at: null })
}
if (choice.get('sync') === 'begun') Object.assign(status, { net: 'online', activity: 'receiving', first_sync: { percent: 12, can_start: false, now: 'sites', rows: 214 } })
if (choice.get('sync') === 'first') {
  work.length = 0
  conflicts.length = 0
  Object.assign(status, { net: 'online', only_here: 0, needs_you: 0, photos_waiting: 0, last_success_at: null, first_sync: { percent: 61, can_start: true, now: 'the catalog', rows: 63_412 } })
}

function changed(...entities: string[]) {
  queueMicrotask(() => {
    heard({ event: 'sync', status: snapshot() })
    heard({ event: 'changed', entities })
  })
}
const snapshot = (): SyncStatus => ({ ...status })
const keep = (item: Partial<WorkItem> & { id: string; title: string }) => {
  const before = work.findIndex((w) => w.id === item.id)
  const whole: WorkItem = { kind: 'draft', detail: '', state: 'saved', saved_at: now(), reason: null, actions: [], job_id: null, equipment_id: null, ...item }
  if (before >= 0) work[before] = whole
  else {
    work.unshift(whole)
    status.only_here++
  }
}

const row = (job: Job): JobRow => {
  const devices = jobItems(job)
  return {
    job_id: job.id, job_number: job.number, title: job.title, location_id: siteOf[job.site].id, location_name: siteOf[job.site].name,
    customer_name: job.customer, job_type: job.type, status: job.status, priority: job.priority, scheduled_date: job.date, scheduled_time: job.time,
    duration_minutes: job.minutes, technician: job.mine ? 'Dana Reyes' : 'K. Osei', devices_words: job.words, devices_total: devices.length,
    devices_done: devices.filter((d) => d.state === 'passed' || d.state === 'failed').length,
    capture: devices.reduce((sum, d) => ({ captured: sum.captured + d.capture.captured, justified: sum.justified + d.capture.justified, missing: sum.missing + d.capture.missing }), { captured: 0, justified: 0, missing: 0 }),
    saved_here: job.number === 'J-20817',
  }
}
const checklist = ['Sign in at the dock', 'Monitoring on test', 'Panel normal on arrival', 'Tenants warned, floors 3 to 6', 'Gauges in date', 'Systems back in service', 'Monitoring off test', 'Customer signature'].map((label, i) => ({ key: `c${i}`, label, done: i < 5 }))

function jobSheet(job: Job): JobSheet {
  const devices = jobItems(job)
  const missing = devices.reduce((n, d) => n + d.capture.missing, 0)
  const left = devices.filter((d) => d.state === 'not_started' || d.state === 'started').length
  const harbor = job.site === 'harbor'
  return {
    job: row(job),
    description: job.title,
    special_instructions: harbor ? 'No flow test between 11:30 and 1:00. Tenants on floors 3 to 6 are warned by the office.' : null,
    site: {
      location_id: siteOf[job.site].id, name: siteOf[job.site].name, address: `${siteOf[job.site].address}, ${siteOf[job.site].city}`,
      safety_note: harbor ? 'Call Keystone Monitoring before you close a valve. Account HP-4471, 555-0142' : null,
      access_notes: harbor ? ['Keys and badge at the dock desk until 4 PM', 'Pump room B2: door sticks, alarm 30 s after opening', 'Fire main isolates at post indicator valve, Mill Lane'] : ['Report at the front desk'],
      contact: harbor ? 'R. Salas, building engineer' : 'Front desk', contact_phone: '555-0177',
    },
    devices: devices.map((d) => ({
      equipment_id: d.equipment_id, tag: d.tag, category: d.category, manufacturer: d.manufacturer, model_number: d.model_number, place: d.place, capture: d.capture,
      missing: d.missing, state: d.state, out_of_limits: d.out, answered: d.answered, last_visit: '2025-11-18', last_passed: true, inspection_id: d.inspection, status: d.status,
    })),
    checklist, started_at: job.started, ended_at: job.ended,
    before_close: [...(missing ? [`${missing} fields missing`] : []), ...(left ? [`${left} devices not inspected`] : []), ...(checklist.every((c) => c.done) ? [] : [`${checklist.filter((c) => !c.done).length} lines of the checklist`])],
    gaps: missing ? { fields: missing, words: '3 serials, 2 photos, 1 date', minutes: 9 } : null,
  }
}

const photosOf = (item: Item): PhotoTile[] => [
  ...draftOf(item).photos,
  ...(item.missing.includes('photo') ? [] : [['overview', 'Overview'], ['nameplate', 'Nameplate']].map(([id = '', caption = '']): PhotoTile => ({ photo_id: `2025-${item.category === 'hvac' && id === 'overview' ? 'rooftop' : id}`, caption, field_key: id, taken_at: '2025-11-18T15:00:00Z', position: null, state: 'on_server', width: 1600, height: 1200, byte_count: 2_400_000 }))),
]

const plateKeys: Record<string, string> = { serial: 'serial_number', 'installation date': 'installation_date', 'belt size': 'components.belt_size', 'filter size': 'components.filter_size', photo: 'photo' }

function equipmentSheet(item: Item): EquipmentSheet {
  const known = models.find((m) => m.id === item.model_id)
  const field = (field_key: string, label: string, value: string | null, source: string | null, hint: string | null = null) => ({ field_key, label, value, source, required: true, editable: !['manufacturer', 'model_number', 'photo'].includes(field_key), reason: reasonsGiven.get(item.equipment_id + field_key) ?? null, hint })
  const extra = item.category === 'hvac' ? [field('components.filter_size', 'Filter', item.missing.includes('filter size') ? null : '16x20x2, 4 pcs', 'typed'), field('components.belt_size', 'Belt size', item.missing.includes('belt size') ? null : 'A42', 'typed', 'Seen on the blower belt, panel 3.')] : item.category === 'backflow_preventer' ? [field('installation_date', 'Installed', item.missing.includes('installation date') ? null : '2016-05-01', 'typed', 'On the tag, or ask the engineer.')] : []
  const plate = [
    field('manufacturer', 'Maker', item.manufacturer, 'catalog'), field('model_number', 'Model', item.model_number, 'catalog'),
    field('serial_number', 'Serial', item.serial_number, 'scanned', 'On the plate, second line.'), ...extra,
    field('location_detail', 'Where', item.location_detail, 'confirmed'), field('photo', 'Photo', item.missing.includes('photo') ? null : '2', null),
  ]
  return {
    row: item, model_id: item.model_id, product_name: known?.product ?? null, plate,
    fields: plate.map((f) => ({ field_key: f.field_key, label: f.label, weight: 1, state: f.value ? 'captured' : f.reason ? 'justified' : 'missing', reason: f.reason, hint: f.hint })),
    specs: known?.specs ?? [], limits: known ? limitsOf(known) : [], data_source: known ? 'Maker sheet, checked 2025' : null, problems: known?.problems ?? [], photos: photosOf(item),
    last_readings: item.category === 'hvac' ? [{ label: 'Supply air', value: '55', unit: '°F', date: '2026-04-22', inspection_type: 'cooling service' }, { label: 'Superheat', value: '11', unit: '°F', date: '2026-04-22', inspection_type: 'cooling service' }, { label: 'Manifold pressure', value: '3.5', unit: 'in wc', date: '2025-10-09', inspection_type: 'heating service' }] : [],
    history: [
      { inspection_id: 'v-1', date: '2026-04-22', inspection_type: 'cooling service', passed: true, summary: 'Passed. Filters changed, coil washed', inspector: 'D. Reyes', saved_here: false, amends: null },
      { inspection_id: 'v-2', date: '2025-10-09', inspection_type: 'heating service', passed: true, summary: 'Passed. Manifold 3.5 in wc', inspector: 'K. Osei', saved_here: false, amends: null },
      { inspection_id: 'v-3', date: '2025-07-03', inspection_type: 'repair', passed: false, summary: 'Capacitor 5.9 of 7.5 µF, replaced', inspector: 'D. Reyes', saved_here: false, amends: null },
    ],
    job_id: jobs.find((j) => siteOf[j.site].id === item.location_id && j.status !== 'completed')?.id ?? null,
    replaced: null, replaced_by: null, notes: item.category === 'hvac' ? 'Roof hatch key at the school office. Disconnect is inside panel 1, left.' : null, saved_here: item.tag === 'BFP-2',
  }
}
const backups: Backup[] = [
  { name: 'daily-20261120.db', taken_at: '2026-11-20T11:52:40Z', reason: 'daily', byte_count: 8_100_000, rows: 112_480, damaged: false },
  { name: 'daily-20261119.db', taken_at: '2026-11-19T12:04:10Z', reason: 'daily', byte_count: 8_000_000, rows: 112_391, damaged: false },
  { name: 'daily-20261118.db', taken_at: '2026-11-18T11:40:02Z', reason: 'daily', byte_count: 1_900_000, rows: null, damaged: true },
]
let taken = 0
/** Calls so far: a screen at rest makes none. */
let asked = 0
Object.defineProperty(globalThis, 'callsSoFar', { get: () => asked })
let rescue: RescueFile | null = null
const pack = '2026-11-20 1204 Dana Reyes Van 4.clara-rescue'
const sealed: RescueFile = { file: { name: pack, path: `/home/dana/clara-field/rescue/${pack}` }, made_at: '2026-11-20T12:04:00Z', byte_count: 2_400_000 }
const reasonsGiven = new Map<string, string>()
const itemById = (id: string) => need(items.find((i) => i.equipment_id === id))
const jobById = (id: string) => need(jobs.find((j) => j.id === id))
const draftById = (id: string) => itemById(id.replace('insp-', ''))
const forgiving = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')

/** At most so many of each state, the oldest, and the one that is asked for. */
function page({ limit, also }: Commands['list_work'][0]) {
  const oldest = [...work].sort((a, b) => a.saved_at.localeCompare(b.saved_at))
  const items = oldest.filter((one) => one.id === also || oldest.filter((other) => other.state === one.state).indexOf(one) < (limit ?? 200))
  return { items, more: work.length - items.length }
}

function settle(item: Item, field_key: string) {
  const label = Object.entries(plateKeys).find(([, key]) => key === field_key)?.[0]
  const at = item.missing.indexOf(label ?? '')
  if (at < 0) return false
  item.missing.splice(at, 1)
  return true
}

function takeIn(target: Commands['add_photo'][0]['target'], name: string) {
  if (!/\.(jpe?g|png|webp)$/i.test(name)) return { kept: [], refused: [{ name, reason: 'This file is no picture that can be read. Everything typed is safe. Take it again, or go on without it.' }] }
  const photo: PhotoTile = { photo_id: `new-${String(++taken)}`, caption: target.caption, field_key: target.field_key, taken_at: now(), position: null, state: 'waiting', width: 1200, height: 900, byte_count: 1_900_000 }
  const item = items.find((i) => i.equipment_id === target.equipment_id) ?? (target.inspection_id ? draftById(target.inspection_id) : undefined)
  if (item) {
    draftOf(item).photos.push(photo)
    if (settle(item, 'photo')) item.capture = { ...item.capture, missing: item.capture.missing - 1, captured: item.capture.captured + 1 }
  }
  status.photos_waiting++
  status.only_here++
  changed('inspection_photos')
  return { kept: [photo], refused: [] }
}

const handlers: { [K in Command]: (request: Commands[K][0]) => Commands[K][1] } = {
  start: () => ({
    state: revoked ? 'revoked' : signedOut ? 'signed_out' : locked ? 'locked' : open ? 'open' : 'fresh',
    session: open && !locked && !revoked && !signedOut ? session : null,
    signed_out: signedOut,
    revoked: revoked ? { at: now(), full_name: session.full_name, comes_back: choice.get('lock_key') !== 'none', pack: choice.get('unsent') === 'none' ? null : sealed } : null,
    checks: [
      { key: 'encryption', ok: true, text: 'Disk encrypted by the app, 41 GB free' },
      { key: 'keyring', ok: choice.get('keyring') !== 'none', text: choice.get('keyring') === 'none' ? 'No keyring: a passphrase is needed' : 'Keyring found' },
      { key: 'clock', ok: true, text: 'Clock right to 2 s' },
    ],
    suggested_device_name: 'Laptop 07',
    passphrase: choice.get('keyring') !== 'only' && !signedOut?.demo,
    notice: null,
  }),
  lock: () => {
    locked = true
    return handlers.start({})
  },
  sign_out: () => {
    if (choice.get('recovery') === 'none') return fail({ code: 'not_allowed', message: "This laptop does not know the company's recovery key yet.", safe: 'Your work is here and stays here.', next: 'Sync once, then make it again.' })
    signedOut = { full_name: session.full_name, demo: status.demo, pack: status.demo || status.only_here === 0 ? null : { ...sealed, operations: 5, drafts: 1, photos: 4, photos_lacking: 0 } }
    return handlers.start({})
  },
  close_window: ({ close }) => {
    ;(globalThis as { windowWent?: boolean }).windowWent = close
    return {}
  },
  rescue_state: () => ({ ready: true, last: rescue, kept: rescue ? [rescue] : [] }),
  make_rescue: () => {
    rescue = { ...sealed, made_at: now() }
    return { ...rescue, operations: work.length, drafts: 1, photos: 2, photos_lacking: 0 }
  },
  list_backups: () => [...backups],
  restore_backup: ({ name }) => {
    const backup = need(backups.find((one) => one.name === name))
    if (backup.damaged) return fail({ code: 'damaged', message: 'This copy cannot be opened, so it was not brought back.', safe: 'What you have now is untouched.', next: 'Choose another copy.' })
    const aside: Backup = { name: `mirror-${String(backups.length)}.db`, taken_at: now(), reason: 'set_aside', byte_count: 8_200_000, rows: null, damaged: false }
    backups.unshift(aside)
    changed()
    return { session, taken_at: backup.taken_at, set_aside: { name: aside.name, path: `/home/dana/clara-field/mirror/aside/${aside.name}` }, operations: 3, drafts: 1 }
  },
  try_demo: () => {
    open = true
    signedOut = null
    work.length = 0
    conflicts.length = 0
    Object.assign(status, { demo: true, net: 'unknown', only_here: 0, needs_you: 0, photos_waiting: 0, photo_bytes_waiting: 0, on_server_week: 0, photos_on_server_week: 0, oldest_unsent_at: null, last_receipt_at: null, last_success_at: null })
    return { ...session, demo: true }
  },
  enroll: ({ enrolment }) => {
    if (!enrolment.trim().startsWith('CLARA')) return fail({ code: 'enrolment', message: 'This enrollment text is broken or incomplete.', safe: 'Nothing was sent.', next: 'Paste the whole file again, or ask the office for a new one.', field: 'enrolment' })
    open = true
    signedOut = null
    revoked = false
    return session
  },
  unlock: ({ passphrase }) => {
    if (passphrase !== (choice.get('keyring') === 'only' || signedOut?.demo ? '' : 'pump room')) return fail({ code: 'locked', message: 'This is not the passphrase.', safe: 'Your work is here and stays here.', next: 'Type it again.', field: 'passphrase' })
    locked = false
    open = true
    signedOut = null
    return { ...session, demo: status.demo }
  },
  today: () => {
    const job = jobs[0]
    const devices = job ? jobItems(job) : []
    const order = ['fire_pump', 'backflow_preventer', 'sprinkler_head', 'fire_extinguisher', 'smoke_detector', 'standpipe', 'other'] as const
    return {
      date: today,
      now: job && choice.get('day') !== 'empty' ? {
        job: row(job), address: siteOf[job.site].address, notes: ['Call Keystone Monitoring before you close a valve', 'Keys and badge at the loading dock desk', 'Pitot kit PK-07 calibrated until Dec 3, 2026'], started_at: job.started,
        devices: order.map((category) => ({ category, devices: devices.filter((d) => d.category === category).map((d) => d.state) })).map((c) => ({ ...c, total: c.devices.length, done: c.devices.filter((s) => s === 'passed' || s === 'failed').length })),
        resume: { equipment_id: 'eq-harbor-bfp-2', tag: 'BFP-2', what: 'backflow', draft: true },
      } : null,
      later: bare || choice.get('day') === 'empty' ? [] : jobs.filter((j) => j.date === today && j.id !== job?.id).map(row),
      next_day: bare ? null : { date: '2026-11-23', jobs: 4 },
      only_here: work.filter((w) => w.state === 'saved' || w.state === 'photo_waiting').slice(0, 6),
      needs_you: work.filter((w) => w.state === 'parked' || w.state === 'conflict'),
      gaps_here: bare ? null : { fields: 6, words: '3 serials, 2 photos, 1 date', minutes: 9 },
      sync: snapshot(),
    }
  },
  list_jobs: ({ status: wanted, mine, text }) => jobs.filter((j) => (!wanted || j.status === wanted) && (!mine || j.mine) && (!text || forgiving(j.number + j.title + siteOf[j.site].name).includes(forgiving(text)))).map(row),
  open_job: ({ job_id }) => jobSheet(jobById(job_id)),
  start_job: ({ job_id }) => {
    const job = jobById(job_id)
    Object.assign(job, { status: 'in_progress', started: now() })
    changed('jobs')
    return jobSheet(job)
  },
  check_job_item: ({ job_id, key, done }) => {
    const line = checklist.find((c) => c.key === key)
    if (line) line.done = done
    return jobSheet(jobById(job_id))
  },
  complete_job: ({ job_id, reason }) => {
    const job = jobById(job_id)
    if (!reason && jobSheet(job).before_close.length) return fail({ code: 'not_allowed', message: 'Some things are still open, and there is no reason for them.', next: 'Give a reason, or finish them first.', field: 'reason' })
    Object.assign(job, { status: 'completed', ended: now() })
    changed('jobs')
    return jobSheet(job)
  },
  list_equipment: ({ text, category, location_id, gaps_only, limit }) => items.filter((i) => (!category || i.category === category) && (!location_id || i.location_id === location_id) && (!gaps_only || i.capture.missing > 0) && (!text || forgiving([i.tag, i.serial_number, i.manufacturer, i.model_number, i.location_name, i.location_detail].join('')).includes(forgiving(text)))).slice(0, limit ?? 200),
  open_equipment: ({ equipment_id }) => equipmentSheet(itemById(equipment_id)),
  capture_field: ({ equipment_id, field_key, value }) => {
    const item = itemById(equipment_id)
    if (field_key === 'serial_number') item.serial_number = value || null
    if (settle(item, field_key)) item.capture = { ...item.capture, captured: item.capture.captured + 1, missing: item.capture.missing - 1 }
    keep({ id: `cap-${equipment_id}-${field_key}`, kind: 'equipment', title: `${item.tag} ${field_key.replace('_', ' ')}`, detail: 'Captured just now', equipment_id })
    changed('equipment_inventory')
    return equipmentSheet(item)
  },
  justify_field: ({ equipment_id, field_key, reason }) => {
    const item = itemById(equipment_id)
    if (reason) reasonsGiven.set(equipment_id + field_key, reason)
    else reasonsGiven.delete(equipment_id + field_key)
    if (reason && settle(item, field_key)) item.capture = { ...item.capture, justified: item.capture.justified + 1, missing: item.capture.missing - 1 }
    changed('equipment_inventory')
    return equipmentSheet(item)
  },
  add_equipment: (request) => {
    const site = need(Object.values(siteOf).find((s) => s.id === request.location_id))
    const known = models.find((m) => m.id === request.model_id)
    const item: Item = { ...itemById('eq-harbor-jp-1'), equipment_id: `eq-${String(++taken)}`, tag: request.tag ?? request.manual_model_number ?? 'New', category: request.category, manufacturer: known?.maker ?? request.manual_manufacturer, model_number: known?.number ?? request.manual_model_number, serial_number: request.serial_number, location_id: site.id, location_name: site.name, location_detail: request.location_detail, place: request.location_detail ?? 'Elsewhere', model_id: request.model_id, missing: ['photo'], capture: { captured: 4, justified: 0, missing: 1 } }
    items.push(item)
    changed('equipment_inventory')
    return equipmentSheet(item)
  },
  open_inspection: ({ job_id, equipment_id }) => structuredClone(inspectionSheet(itemById(equipment_id), job_id)),
  save_inspection: ({ inspection_id, body }) => {
    const item = draftById(inspection_id)
    const draft = draftOf(item)
    draft.body = structuredClone(body)
    draft.saved = now()
    if (item.state === 'not_started') item.state = 'started'
    keep({ id: inspection_id, kind: 'draft', title: `${item.tag} inspection`, detail: `${String(Object.keys(body.answers).length)} answers, draft`, equipment_id: item.equipment_id })
    changed('inspection_drafts')
    return { saved_at: draft.saved, sections: structuredClone(sections(item, draft)), before_complete: beforeComplete(item, draft) }
  },
  complete_inspection: ({ inspection_id }) => {
    const item = draftById(inspection_id)
    const draft = draftOf(item)
    draft.completed = true
    const failed = sections(item, draft).some((s) => s.items.some((i) => i.verdict.startsWith('out_')))
    item.state = failed ? 'failed' : 'passed'
    changed('inspections', 'jobs')
    const next = items.find((i) => i.location_id === item.location_id && (i.state === 'not_started' || i.state === 'started'))
    return { inspection_id, passed: !failed, completion_percentage: 66.6, missing: item.missing, next_equipment_id: next?.equipment_id ?? null }
  },
  pick_photos: ({ target }) => takeIn(target, 'picked.jpg'),
  add_photo: ({ target, name }) => takeIn(target, name),
  caption_photo: ({ photo_id, caption }) => {
    const photo = need(items.flatMap((i) => draftOf(i).photos).find((p) => p.photo_id === photo_id))
    photo.caption = caption
    return photo
  },
  remove_photo: ({ photo_id }) => {
    for (const item of items) {
      const photos = draftOf(item).photos
      const at = photos.findIndex((p) => p.photo_id === photo_id)
      if (at >= 0) photos.splice(at, 1)
    }
    changed('inspection_photos')
    return {}
  },
  search_specs: (request) => findModels(request),
  open_model: ({ model_id }) => modelSheet(need(models.find((m) => m.id === model_id))),
  completeness: (filter) => ({ ...completeness, filter_words: filter.location_id ? 'one site' : 'all sites', categories }),
  drill_completeness: ({ filter }) => drill().filter((r) => !filter.category || r.category === filter.category),
  export_completeness: () => {
    const csv = { name: 'completeness-2026-11-20.csv', text: 'category,field,captured,justified,missing\nfire_pump,serial_number,38,0,3\n' }
    saveText(csv.name, csv.text)
    return csv
  },
  sync_status: snapshot,
  sync_now: () => {
    if (status.work_offline) return fail({ code: 'server_not_reached', message: 'You work offline.', safe: 'Everything is saved on this laptop.', next: 'Switch "Work offline" off first.' })
    Object.assign(status, { net: 'online', only_here: 0, photos_waiting: 0, photo_bytes_waiting: 0, sending: 0, last_receipt_at: now(), last_success_at: now(), on_server_week: status.on_server_week + status.only_here })
    for (const w of [...work]) if (w.state === 'saved' || w.state === 'photo_waiting') work.splice(work.indexOf(w), 1)
    queueMicrotask(() => heard({ event: 'sync', status: snapshot() }))
    return snapshot()
  },
  work_offline: ({ offline }) => {
    status.work_offline = offline
    changed()
    return snapshot()
  },
  hold_photos: ({ hold }) => {
    // Between two chunks, or from where it stopped.
    Object.assign(status, { photos_held: hold, sending: hold ? 0 : 1, activity: hold ? 'idle' : 'sending_photos', photo: hold ? null : { number: 1, of: status.photos_waiting, bytes_done: 1_500_000, byte_count: 3_000_000 } })
    changed()
    return snapshot()
  },
  check_server: () => (status.net === 'online' ? { tables: 21, rows: 112_480, repairs: [] } : fail({ code: 'server_not_reached', message: 'The server did not answer.', safe: 'Your work is here and stays here.', next: 'Try again when there is a signal.' })),
  list_work: (request) => page(request),
  act_on_work: ({ id, action }) => {
    const item = need(work.find((w) => w.id === id))
    if (action === 'retry' || action === 'hand_to_office') item.state = action === 'retry' ? 'saved' : 'parked'
    if (action === 'hand_to_office') item.actions = []
    if (action === 'withdraw') work.splice(work.indexOf(item), 1)
    status.needs_you = work.filter((w) => w.state === 'parked' || w.state === 'conflict').length
    changed()
    return { ...page({ limit: null, also: null }), saved: action === 'export' ? { name: `${id}.json`, path: `/home/dana/clara-field/exports/${id}.json` } : null }
  },
  list_conflicts: () => [...conflicts],
  resolve_conflict: ({ conflict_id, keep: side }) => {
    const card = need(conflicts.find((c) => c.conflict_id === conflict_id))
    conflicts.splice(conflicts.indexOf(card), 1)
    work.splice(0, work.length, ...work.filter((w) => w.state !== 'conflict'))
    status.needs_you = Math.max(0, status.needs_you - 1)
    changed(side)
    return [...conflicts]
  },
  list_parked: () => (manager ? [...parked] : []),
  decide_parked: ({ id }) => {
    parked.splice(parked.findIndex((p) => p.id === id), 1)
    return [...parked]
  },
}

export const source: Backend = {
  async call(command, request) {
    asked++
    await new Promise((done) => setTimeout(done, Number(choice.get('slow') ?? 15)))
    if (choice.get('fail') === command) return fail({ code: 'internal', message: 'The list could not be read.', next: 'Try again.' })
    return structuredClone(handlers[command](JSON.parse(JSON.stringify(request)) as typeof request))
  },
  listen(hear) {
    heard = hear
    // What the frame of a real window does when its cross is pressed.
    globalThis.addEventListener?.('cross', () => heard({ event: 'closing' }))
    return () => undefined
  },
  photoUrl: (id) => `/photos/${id.startsWith('new-') ? 'new' : id.replace('2025-', '')}.svg`,
}
