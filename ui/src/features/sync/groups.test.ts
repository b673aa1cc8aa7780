import { expect, it } from 'vitest'
import type { WorkItem } from '../../generated/contract'
import { groupWork } from './groups'

const item = (id: string, state: WorkItem['state'], saved_at: string, kind: WorkItem['kind'] = 'inspection'): WorkItem => ({ id, kind, title: id, detail: '', state, saved_at, reason: null, actions: [], job_id: null, equipment_id: null })

it('puts what needs a person first, then what moves, then the rest, oldest first and work before photos', () => {
  const groups = groupWork([
    item('photo', 'photo_waiting', '1', 'photo'), item('new', 'saved', '9'), item('old', 'saved', '2'), item('moving', 'sending', '5'), item('clash', 'conflict', '8'), item('sealed', 'sealed', '7'),
  ])
  expect(groups.map((group) => [group.title, group.items.map((one) => one.id)])).toEqual([
    ['Needs you', ['clash', 'sealed']],
    ['Sending', ['moving']],
    ['Saved on this laptop', ['old', 'new', 'photo']],
  ])
})
