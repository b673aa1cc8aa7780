import { untrack } from 'svelte'

/** Something that is being typed: what it needs to be on the disk. */
type Keeper = {
  /** It should be on the disk by now and is not: the disk refused, or is slow. */
  late: () => boolean
  /** Done when all of it is on the disk; says whether it is. */
  flush: () => Promise<boolean>
}

/** What only this window knows of: typed, and not given to the program yet. */
class Unsaved {
  #keepers = $state.raw<Keeper[]>([])

  /** Nothing typed is waiting longer than a key's own moment; closing the window waits for that moment by itself. */
  get none(): boolean {
    return !this.#keepers.some((keeper) => keeper.late())
  }

  /** For as long as a screen is there; what it could not save stays known after it. */
  add(keeper: Keeper): () => void {
    // Untracked: adding reads the list it writes, and would run the screen's effect again without end.
    untrack(() => (this.#keepers = [...this.#keepers, keeper]))
    return () =>
      void keeper.flush().then((saved) => {
        if (saved) this.#forget(keeper)
      })
  }

  /** Saves everything; whether all of it is on the disk now. */
  async flush(): Promise<boolean> {
    const saved = await Promise.all(this.#keepers.map((keeper) => keeper.flush()))
    return saved.every(Boolean)
  }

  #forget(keeper: Keeper) {
    untrack(() => (this.#keepers = this.#keepers.filter((other) => other !== keeper)))
  }
}

export const unsaved = new Unsaved()
