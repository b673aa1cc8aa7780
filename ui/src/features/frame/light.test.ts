import { describe, expect, it } from 'vitest'
import type { SyncStatus } from '../../generated/contract'
import { light, lightSentence, netWords } from './light'

const quiet: SyncStatus = {
  net: 'online', work_offline: false, only_here: 0, sending: 0, photos_waiting: 0, photo_bytes_waiting: 0, needs_you: 0, safe_to_close: true,
  on_server_week: 0, photos_on_server_week: 0, oldest_unsent_at: null, last_receipt_at: new Date(2026, 10, 20, 12, 6, 31).toISOString(), last_success_at: null,
  last_problem: null, first_sync: null, activity: 'idle', clock_offset_ms: null, demo: false, photo: null, photos_held: false,
}

describe('the light at the top right', () => {
  it('says sending only while bytes move', () => {
    expect(light({ ...quiet, sending: 2, only_here: 9, activity: 'sending' })).toMatchObject({ state: 'sending', first: 'Sending 2, then 7 more' })
    expect(light({ ...quiet, sending: 2, only_here: 2, activity: 'sending' }).first).toBe('Sending 2')
    expect(light({ ...quiet, sending: 2, only_here: 9, activity: 'connecting' }).first).toBe('9 only on this laptop')
  })

  it('says which photo goes and how far it is, and only while photos move', () => {
    const photo = { number: 3, of: 12, bytes_done: 1_400_000, byte_count: 3_000_000 }
    const moving: SyncStatus = { ...quiet, sending: 1, only_here: 10, photos_waiting: 10, activity: 'sending_photos', photo }
    expect(light(moving)).toMatchObject({ state: 'sending', first: 'Sending photo 3 of 12', second: '1.4 of 3.0 MB · safe to close' })
    expect(light({ ...moving, needs_you: 1 }).second).toBe('1.4 of 3.0 MB · 1 needs you · safe to close')
    expect(lightSentence(moving)).toBe('Sending photo 3 of 12, 1.4 of 3.0 MB, safe to close')
    expect(light({ ...moving, activity: 'idle', photo: null, sending: 0 }).first).toBe('10 only on this laptop')
  })

  it('says what exists only here, with who needs a person, and when it is safe to close', () => {
    expect(light({ ...quiet, only_here: 8, needs_you: 1 })).toEqual({ state: 'local', first: '8 only on this laptop', second: '1 needs you · safe to close', mark: 'saved' })
    expect(light({ ...quiet, only_here: 8, safe_to_close: false }).second).not.toContain('safe')
  })

  it('asks for a person when nothing else is left, and is green only with a receipt', () => {
    expect(light({ ...quiet, needs_you: 2 })).toMatchObject({ state: 'needs', first: '2 need you' })
    expect(light(quiet)).toEqual({ state: 'server', first: 'All on the server', second: 'receipt 12:06:31', mark: 'server' })
    expect(light({ ...quiet, last_receipt_at: null })).toMatchObject({ first: 'Nothing to send', mark: 'saved' })
  })

  it('speaks of no server in the demo, whatever is in it', () => {
    for (const status of [{ ...quiet, demo: true }, { ...quiet, demo: true, needs_you: 1 }, { ...quiet, demo: true, only_here: 3 }]) {
      const { first, second, mark } = light(status)
      expect(`${first} ${second} ${mark}`).not.toContain('server')
    }
  })
})

it('never speaks of a missing network as of a fault', () => {
  expect(netWords('not_reachable', false, false, false).words).toBe('No signal')
  expect(netWords('not_reachable', false, false, true).words).toBe('Server not reachable')
  expect(netWords('online', true, false, true)).toEqual({ words: 'Working offline', up: false })
})
