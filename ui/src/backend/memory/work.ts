import type { ConflictCard, ParkedCard, SyncStatus, WorkItem, WorkState } from '../../generated/contract'

const work = (id: string, kind: WorkItem['kind'], title: string, detail: string, state: WorkState, saved_at: string, more: Partial<WorkItem> = {}): WorkItem => ({ id, kind, title, detail, state, saved_at, reason: null, actions: [], job_id: 'job-j-20817', equipment_id: null, ...more })

export const items: WorkItem[] = [
  work('w-conflict', 'equipment', 'Where FP-1 is', 'The office edited it too', 'conflict', '2026-11-20T14:05:00Z', { equipment_id: 'eq-harbor-fp-1' }),
  work('w-parked', 'inspection', 'Inspection of E-14', 'The device was retired', 'parked', '2026-11-20T17:05:00Z', {
    reason: 'The office retired E-14 on Nov 17, so the server did not add your inspection to it. It is complete and safe on this laptop.',
    actions: ['hand_to_office', 'retry', 'export', 'withdraw'],
    equipment_id: 'eq-harbor-e-14',
  }),
  work('w-1', 'inspection', 'FP-1 annual flow test', '41 readings, 1 out of limits', 'saved', '2026-11-20T14:41:07Z', { equipment_id: 'eq-harbor-fp-1' }),
  work('w-2', 'inspection', 'BFP-1 annual test', '12 readings, passed', 'saved', '2026-11-20T14:20:00Z'),
  work('w-3', 'inspection', 'E-13 extinguisher, failed', 'Gauge in the red, 1 deficiency', 'saved', '2026-11-20T14:22:00Z'),
  work('w-4', 'equipment', 'BFP-2 installation date', 'Captured from the tag, May 2016', 'saved', '2026-11-20T14:11:30Z', { actions: ['withdraw'] }),
  work('w-5', 'photo', '4 photos', '11.2 MB, after the readings', 'photo_waiting', '2026-11-20T14:30:00Z'),
]

export const conflicts: ConflictCard[] = [
  {
    conflict_id: 'c-1',
    title: 'Where FP-1 is',
    before: 'Basement',
    client: 'Pump room B2, north wall',
    client_by: 'You, on site, today 8:31 AM',
    server: 'Pump room B2, door 0114',
    server_by: 'T. Brandt, office, today 9:05 AM',
    chosen: 'server',
    mine: true,
    both: 'Pump room B2, north wall, door 0114',
    why: 'The server had a newer value when yours arrived, so its value stands until you decide.',
    created_at: '2026-11-20T14:05:00Z',
    resolution: null,
  },
]

export const parked: ParkedCard[] = [
  {
    id: 'p-1',
    title: 'Inspection of E-22 by K. Osei',
    author: 'K. Osei, Laptop 04',
    why: 'The job was given to D. Reyes while K. Osei was offline.',
    received_at: '2026-11-20T15:12:00Z',
    lines: [['Result', 'Passed'], ['Pressure', '195 psi'], ['Photos', '1']],
    decision: null,
  },
]

export const status: SyncStatus = {
  net: 'not_reachable',
  work_offline: false,
  only_here: 8,
  sending: 0,
  photo: null,
  photos_held: false,
  photos_waiting: 4,
  photo_bytes_waiting: 11_200_000,
  needs_you: 2,
  safe_to_close: true,
  on_server_week: 151,
  photos_on_server_week: 62,
  oldest_unsent_at: '2026-11-20T14:11:30Z',
  last_receipt_at: '2026-11-20T11:52:31Z',
  last_success_at: '2026-11-20T11:52:31Z',
  last_problem: null,
  first_sync: null,
  activity: 'idle',
  clock_offset_ms: 200,
  demo: false,
}
