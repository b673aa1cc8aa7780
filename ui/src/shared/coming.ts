import type { FirstSync, SyncStatus } from '../generated/contract'
import { sentence } from './format'

/** "The catalog is still coming", of what the program says comes in now. */
export function stillComing(progress: FirstSync): string {
  const what = progress.now || 'the rest'
  return `${sentence(what)} ${/^(the |equipment$|history$)/i.test(what) ? 'is' : 'are'} still coming`
}

/**
 * What an empty place says before the first sync has ended: nothing is here because nothing has come yet, and that is
 * not the same as there being nothing. `waited` names it: "Today's sites are coming".
 */
export function coming(status: SyncStatus | undefined, waited: string): { title: string; text: string } | undefined {
  if (!status || status.demo || status.last_success_at !== null) return undefined
  const first = status.first_sync
  const title = 'Not synced yet'
  if (status.work_offline) return { title, text: 'The first sync begins when you work online.' }
  if (status.net === 'not_reachable') return { title, text: first ? `The first sync is at ${String(first.percent)}% and goes on when there is a network.` : 'This laptop needs a network once. After that everything works without one.' }
  if (status.activity === 'idle' && status.last_problem) return { title, text: `${status.last_problem.message} ${status.last_problem.next}`.trim() }
  if (first) return { title: waited, text: `The first sync has begun. ${stillComing(first)}, ${String(first.percent)}%.` }
  return { title: waited, text: status.activity === 'idle' ? 'The first sync begins by itself.' : 'The first sync has begun.' }
}
