import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DraftBody, InspectionSheet, ItemSheet, SavedInspection } from '../../generated/contract'
import { Draft } from './draft.svelte'

const limits = { min: 2, max: null, impossible_min: 0, impossible_max: 30, suspicious_min: null, suspicious_max: null }
const item: ItemSheet = { key: 'relief', label: 'Relief valve opens', item_type: 'number', unit: 'psid', required: true, choices: [], limits, limit_source: null, why: null, last: '2.4', verdict: 'not_read_yet', verdict_words: '', proposed: null, computed_from: null, value: null }
const body: DraftBody = { answers: {}, not_tested: {}, confirmed: [], findings: '', recommendations: '', deficiencies: [], next_due: null, override_passed: null, override_reason: null }
const sheet = { sections: [{ title: 'Test', items: [item], answered: 0 }], body, before_complete: [], saved_at: null, last_visit: '2025-11-18' } as unknown as InspectionSheet

/** A disk that answers when told to, and knows everything it was given. */
function disk() {
  const given: DraftBody[] = []
  const answers: { ok: () => void; fail: (error: unknown) => void }[] = []
  const save = (next: DraftBody) => {
    given.push(next)
    return new Promise<SavedInspection>((ok, fail) => answers.push({ ok: () => ok({ saved_at: `2026-11-20T14:52:${10 + given.length}Z`, sections: sheet.sections, before_complete: [] }), fail }))
  }
  const settle = async () => {
    answers.shift()?.ok()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { given, answers, save, settle }
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('a draft', () => {
  it('is on its way to the disk within 300 ms of the first key, however fast the rest follow', async () => {
    const { given, save } = disk()
    const draft = new Draft(sheet, save)
    for (const text of ['1', '1.', '1.8']) {
      draft.answer('relief', text)
      await vi.advanceTimersByTimeAsync(90)
    }
    await vi.advanceTimersByTimeAsync(30)
    expect(given.map((one) => one.answers.relief)).toEqual(['1.8'])
  })

  it('is saved at once when a field is left', async () => {
    const { given, save } = disk()
    const draft = new Draft(sheet, save)
    draft.answer('relief', '2.6')
    void draft.flush()
    await vi.advanceTimersByTimeAsync(0)
    expect(given).toHaveLength(1)
  })

  it('never has two saves under way, and saves again what was typed meanwhile', async () => {
    const { given, save, settle } = disk()
    const draft = new Draft(sheet, save)
    draft.answer('relief', '2')
    await vi.advanceTimersByTimeAsync(300)
    draft.answer('relief', '2.6')
    await vi.advanceTimersByTimeAsync(5000)
    expect(given, 'the first is still under way').toHaveLength(1)
    await settle()
    expect(given.map((one) => one.answers.relief)).toEqual(['2', '2.6'])
    await settle()
    expect(draft.dirty).toBe(false)
    expect(draft.state).toBe('saved')
  })

  it('says it is saving only after 400 ms, and what time it was saved', async () => {
    const { save, settle } = disk()
    const draft = new Draft(sheet, save)
    expect(draft.state).toBe('new')
    draft.answer('relief', '2.6')
    await vi.advanceTimersByTimeAsync(600)
    expect(draft.state).toBe('new')
    await vi.advanceTimersByTimeAsync(100)
    expect(draft.state).toBe('saving')
    await settle()
    expect(draft.state).toBe('saved')
    expect(draft.savedAt).toBe('2026-11-20T14:52:11Z')
  })

  it('holds what was typed when the disk refuses, says so, and tries again when told to', async () => {
    const { given, answers, save, settle } = disk()
    const draft = new Draft(sheet, save)
    draft.answer('relief', '2.6')
    await vi.advanceTimersByTimeAsync(300)
    answers.shift()?.fail({ code: 'disk_full', message: 'The disk is full.', safe: '', next: '', field: null })
    await vi.advanceTimersByTimeAsync(0)
    expect(draft.state).toBe('unsaved')
    expect(draft.failure?.code).toBe('disk_full')
    expect(draft.body.answers.relief).toBe('2.6')
    void draft.retry()
    await vi.advanceTimersByTimeAsync(0)
    expect(given).toHaveLength(2)
    await settle()
    expect(draft.state).toBe('saved')
  })

  it('keeps on screen what no gauge can show, and does not store it', async () => {
    const { given, save } = disk()
    const draft = new Draft(sheet, save)
    draft.answer('relief', '712')
    await vi.advanceTimersByTimeAsync(300)
    expect(draft.body.answers.relief).toBe('712')
    expect(given[0]?.answers).toEqual({})
    expect(draft.judge(item)).toMatchObject({ verdict: 'impossible', words: 'over 30' })
  })
})

describe('a verdict', () => {
  it('comes with the digit, before anything is saved', () => {
    const draft = new Draft(sheet, disk().save)
    draft.answer('relief', '1.8')
    expect(draft.judge(item)).toEqual({ verdict: 'out_low', words: '0.2 low' })
  })

  it('is suspicious until read again, and asks again after the next change', () => {
    const draft = new Draft(sheet, disk().save)
    draft.answer('relief', '2.4')
    expect(draft.judge(item)).toEqual({ verdict: 'suspicious', words: 'same as 2025' })
    draft.confirm('relief')
    expect(draft.judge(item).verdict).toBe('in_limits')
    draft.answer('relief', '2.5')
    draft.answer('relief', '2.4')
    expect(draft.judge(item).verdict).toBe('suspicious')
  })

  it('gives way to a reason when the item is not tested', () => {
    const draft = new Draft(sheet, disk().save)
    draft.answer('relief', '1.8')
    draft.notTested('relief', 'No access')
    expect(draft.body.answers.relief).toBeUndefined()
    draft.answer('relief', '2.6')
    expect(draft.body.not_tested).toEqual({})
  })
})
