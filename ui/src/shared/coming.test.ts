import { expect, it } from 'vitest'
import type { FirstSync, SyncStatus } from '../generated/contract'
import { coming, stillComing } from './coming'

const enrolled: SyncStatus = {
  net: 'unknown', work_offline: false, only_here: 0, sending: 0, photos_waiting: 0, photo_bytes_waiting: 0, needs_you: 0, safe_to_close: true,
  photo: null, photos_held: false, on_server_week: 0, photos_on_server_week: 0, oldest_unsent_at: null, last_receipt_at: null, last_success_at: null,
  last_problem: null, first_sync: null, activity: 'idle', clock_offset_ms: null, demo: false,
}
const progress: FirstSync = { percent: 12, can_start: false, now: 'sites', rows: 40 }
const said = (status: Partial<SyncStatus>) => coming({ ...enrolled, ...status }, 'Jobs are coming')

it('says that things are coming until the first sync has ended', () => {
  expect(said({})).toEqual({ title: 'Jobs are coming', text: 'The first sync begins by itself.' })
  expect(said({ activity: 'receiving', net: 'online' })?.text).toBe('The first sync has begun.')
  expect(said({ activity: 'receiving', net: 'online', first_sync: progress })?.text).toBe('The first sync has begun. Sites are still coming, 12%.')
  expect(said({ last_success_at: '2026-11-20T12:00:00Z' })).toBeUndefined()
})

it('says what the first sync needs when it cannot go on', () => {
  expect(said({ net: 'not_reachable' })).toEqual({ title: 'Not synced yet', text: 'This laptop needs a network once. After that everything works without one.' })
  expect(said({ net: 'not_reachable', first_sync: progress })?.text).toContain('is at 12%')
  expect(said({ work_offline: true, net: 'not_reachable' })?.text).toContain('when you work online')
  expect(said({ net: 'refused', last_problem: { code: 'login_refused', message: 'The login has ended.', safe: '', next: 'Ask the office.', field: null } })?.text).toBe('The login has ended. Ask the office.')
})

it('promises nothing in the demo, which has all it will ever have', () => {
  expect(said({ demo: true })).toBeUndefined()
})

it('speaks of one thing and of many', () => {
  expect(stillComing({ ...progress, now: 'the catalog' })).toBe('The catalog is still coming')
  expect(stillComing({ ...progress, now: 'people' })).toBe('People are still coming')
  expect(stillComing({ ...progress, now: '' })).toBe('The rest is still coming')
})
