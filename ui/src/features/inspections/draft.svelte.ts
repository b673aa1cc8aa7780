import type { Deficiency, DraftBody, Failure, InspectionSheet, ItemSheet, SavedInspection, Section, Verdict } from '../../generated/contract'
import { asFailure } from '../../backend'
import { judge, reading, verdictWords } from '../../shared/judge'

type Save = (body: DraftBody) => Promise<SavedInspection>
export type Judged = { verdict: Verdict; words: string }

/** Typing is saved this long after the last key at the latest; a field that is left is saved at once. */
const pause = 250
/** A save that takes longer than this says so. */
const patience = 400

/**
 * One inspection while it is being entered. Every change is on its way to the disk within 300 ms; saves never overlap,
 * and what is on screen is never replaced by an older answer.
 */
export class Draft {
  body: DraftBody
  sections = $state.raw<Section[]>([])
  beforeComplete = $state.raw<string[]>([])
  savedAt = $state.raw<string | null>(null)
  failure = $state.raw<Failure>()
  slow = $state(false)
  /** Changes that are not on disk yet. */
  dirty = $state(false)
  #save: Save
  #lastVisit: string | null
  /** The answers the sections were judged by. */
  #judged = $state.raw<DraftBody['answers']>({})
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<void> | undefined

  constructor(sheet: InspectionSheet, save: Save) {
    const body = $state(structuredClone(sheet.body))
    this.body = body
    this.sections = sheet.sections
    this.beforeComplete = sheet.before_complete
    this.savedAt = sheet.saved_at
    this.#lastVisit = sheet.last_visit
    this.#judged = { ...sheet.body.answers }
    this.#save = save
  }

  get state(): 'new' | 'saved' | 'saving' | 'unsaved' {
    if (this.failure) return 'unsaved'
    if (this.slow) return 'saving'
    return this.savedAt === null ? 'new' : 'saved'
  }

  /** The program's verdict where it has seen this very answer, the same rule applied here until then. */
  judge(item: ItemSheet): Judged {
    const { key } = item
    if (item.item_type !== 'number') return { verdict: item.verdict, words: item.verdict_words }
    const text = this.body.answers[key] ?? ''
    if (text === (this.#judged[key] ?? '')) {
      if (item.verdict !== 'suspicious' || !this.body.confirmed.includes(key)) return { verdict: item.verdict, words: item.verdict_words || verdictWords(item.verdict, reading(text), item.limits, this.#lastVisit) }
    }
    const value = reading(text)
    const last = this.body.confirmed.includes(key) ? null : reading(item.last)
    const limits = this.body.confirmed.includes(key) ? { ...item.limits, suspicious_min: null, suspicious_max: null } : item.limits
    const verdict = judge(value, limits, last)
    return { verdict, words: verdictWords(verdict, value, item.limits, this.#lastVisit) }
  }

  answer(key: string, value: string) {
    if (value === '') delete this.body.answers[key]
    else this.body.answers[key] = value
    // A new value has not been read twice.
    this.body.confirmed = this.body.confirmed.filter((other) => other !== key)
    if (value !== '') delete this.body.not_tested[key]
    this.changed()
  }

  confirm(key: string) {
    if (!this.body.confirmed.includes(key)) this.body.confirmed.push(key)
    this.changed()
    void this.flush()
  }

  notTested(key: string, reason: string | null) {
    if (reason === null) delete this.body.not_tested[key]
    else {
      this.body.not_tested[key] = reason
      delete this.body.answers[key]
    }
    this.changed()
    void this.flush()
  }

  addDeficiency(deficiency: Deficiency) {
    this.body.deficiencies.push(deficiency)
    this.changed()
    void this.flush()
  }

  removeDeficiency(id: string): Deficiency | undefined {
    const at = this.body.deficiencies.findIndex((one) => one.id === id)
    const [gone] = at < 0 ? [] : this.body.deficiencies.splice(at, 1)
    this.changed()
    void this.flush()
    return gone ? $state.snapshot(gone) : undefined
  }

  changed() {
    this.dirty = true
    // Not pushed out by further typing: the first unsaved key is on disk within the pause.
    this.#timer ??= setTimeout(() => void this.flush(), pause)
  }

  /** Saves what is not saved; done when everything typed so far is on disk, or could not be brought there. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#running) {
      await this.#running
      if (this.dirty && !this.failure) await this.flush()
      return
    }
    if (!this.dirty) return
    this.#running = this.#once()
    await this.#running
    this.#running = undefined
    if (this.dirty && !this.failure) await this.flush()
  }

  /** Everything typed so far is on disk. A disk that refused is asked once more. */
  async kept(): Promise<boolean> {
    await (this.failure ? this.retry() : this.flush())
    return !this.dirty
  }

  /** Tries again after a failure. */
  retry() {
    this.failure = undefined
    this.dirty = true
    return this.flush()
  }

  async #once() {
    const body = this.#toStore()
    this.dirty = false
    const slow = setTimeout(() => (this.slow = true), patience)
    try {
      const saved = await this.#save(body)
      this.savedAt = saved.saved_at
      this.sections = saved.sections
      this.beforeComplete = saved.before_complete
      this.#judged = body.answers
      this.failure = undefined
    } catch (error) {
      this.failure = asFailure(error)
      this.dirty = true
    } finally {
      clearTimeout(slow)
      this.slow = false
    }
  }

  /** What no gauge can show stays on screen to be retyped, and is not stored as a reading. */
  #toStore(): DraftBody {
    const body = $state.snapshot(this.body) as DraftBody
    const impossible = this.sections.flatMap((section) => section.items).filter((item) => item.item_type === 'number' && this.judge(item).verdict === 'impossible')
    for (const item of impossible) delete body.answers[item.key]
    return body
  }
}
