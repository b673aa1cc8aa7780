import { call, listen } from '../backend'
import type { Session, Start, SyncStatus } from '../generated/contract'

/** Who is here, and the light at the top right: the two things every screen shows. */
class Here {
  start = $state.raw<Start>()
  session = $state.raw<Session>()
  sync = $state.raw<SyncStatus>()

  async begin() {
    this.start = await call('start', {})
    if (this.start.session) await this.enter(this.start.session)
  }

  async enter(session: Session) {
    this.session = session
    listen((event) => {
      if (event.event === 'sync') this.sync = event.status
    })
    try {
      this.sync = await call('sync_status', {})
    } catch {
      // Without it the screens work all the same; the light comes with the next event.
    }
  }
}

export const here = new Here()
