import { call, listen } from '../backend'
import { unsaved } from './unsaved.svelte'

/** The person closes the window: what is typed is saved first, and where it cannot be, the person decides. */
class Leaving {
  /** Something could not be saved. */
  asking = $state(false)
  saving = $state(false)

  constructor() {
    listen((event) => {
      if (event.event === 'closing') void this.save()
    })
  }

  async save() {
    this.saving = true
    const saved = await unsaved.flush()
    this.saving = false
    this.asking = !saved
    await call('close_window', { close: saved })
  }

  async letGo() {
    this.asking = false
    await call('close_window', { close: true })
  }
}

export const leaving = new Leaving()
