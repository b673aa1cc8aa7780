import { call, listen, asFailure, type Command } from '../backend'
import type { Commands, Failure } from '../generated/contract'

/**
 * What a screen reads from the mirror. It is read again when rows of its tables change, and the old answer stays on
 * screen meanwhile: nothing flickers because something came in.
 */
export class Loaded<K extends Command> {
  data = $state.raw<Commands[K][1]>()
  failure = $state.raw<Failure>()
  loading = $state(true)
  #turn = 0
  #command: K
  #request: () => Commands[K][0] | undefined

  /** `synced`: what is waiting to be sent; a receipt changes it without changing a row. */
  constructor(command: K, request: () => Commands[K][0] | undefined, { synced = false } = {}) {
    this.#command = command
    this.#request = request
    $effect(() => {
      const asked = this.#request()
      if (asked !== undefined) void this.#read(asked)
    })
    $effect(() => {
      let soon: ReturnType<typeof setTimeout> | undefined
      const stop = listen((event) => {
        if (event.event !== 'changed' && !(synced && event.event === 'sync' && event.status.activity === 'idle')) return
        // A pull announces many tables in a row: one reading for all of them, and never none because more keep coming.
        soon ??= setTimeout(() => {
          soon = undefined
          void this.again()
        }, 100)
      })
      return () => {
        clearTimeout(soon)
        stop()
      }
    })
  }

  async again() {
    const asked = this.#request()
    if (asked !== undefined) await this.#read(asked)
  }

  /** An answer that another command brought along. */
  take(data: Commands[K][1]) {
    this.#turn++
    this.data = data
    this.failure = undefined
    this.loading = false
  }

  async #read(asked: Commands[K][0]) {
    const turn = ++this.#turn
    this.loading = true
    try {
      const data = await call(this.#command, asked)
      if (turn !== this.#turn) return
      this.data = data
      this.failure = undefined
    } catch (error) {
      if (turn === this.#turn) this.failure = asFailure(error)
    }
    if (turn === this.#turn) this.loading = false
  }
}

/** One thing a person does: busy while it goes on, the failure beside the button that caused it. */
export class Doing {
  busy = $state(false)
  failure = $state.raw<Failure>()

  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined
    this.busy = true
    this.failure = undefined
    try {
      return await work()
    } catch (error) {
      this.failure = asFailure(error)
      return undefined
    } finally {
      this.busy = false
    }
  }
}
