import { call, listen } from '../backend'
import type { Session, Start, SyncStatus } from '../generated/contract'
import { overlay } from './palette.svelte'
import { toasts } from './toast.svelte'
import { unsaved } from './unsaved.svelte'

/** Who is here, and the light at the top right: the two things every screen shows. */
class Here {
  start = $state.raw<Start>()
  session = $state.raw<Session>()
  sync = $state.raw<SyncStatus>()

  constructor() {
    listen((event) => {
      if (event.event === 'sync' && this.session) this.sync = event.status
      if (event.event === 'revoked') void this.#leave()
      // A technician who was made a manager sees a manager's screens, without enrolling anew.
      if (event.event === 'changed' && event.entities.includes('users')) void this.#again()
    })
  }

  async begin() {
    this.start = await call('start', {})
    if (this.start.session) await this.enter(this.start.session)
  }

  async enter(session: Session) {
    this.session = session
    try {
      this.sync = await call('sync_status', {})
    } catch {
      // Without it the screens work all the same; the light comes with the next event.
    }
  }

  /** Closes the work; what is typed is saved first. */
  async lock() {
    if (!this.session || !(await unsaved.flush())) return
    this.start = await call('lock', {})
    this.#close()
  }

  /** Takes the work off this laptop, with undo: it goes when the window closes. What is typed is saved first. */
  async signOut() {
    if (!this.session || !(await unsaved.flush())) return
    this.start = await call('sign_out', {})
    this.#close()
  }

  /** The office ended this laptop's access: the work is closed already, and the first screen says so. */
  async #leave() {
    this.start = await call('start', {})
    this.#close()
  }

  #close() {
    this.session = undefined
    this.sync = undefined
    overlay.palette = overlay.keys = overlay.person = false
    toasts.close()
  }

  async #again() {
    if (!this.session) return
    try {
      const { session } = await call('start', {})
      if (session && this.session) this.session = session
    } catch {
      // The name and role on screen stay until the next sync.
    }
  }
}

export const here = new Here()
