import type { WorkItem, WorkState } from '../../generated/contract'
import { needsPerson } from '../../shared/words'
import type { MarkName } from '../../shared/marks'

export type Group = { key: 'needs' | 'sending' | 'saved' | 'server'; title: string; mark: MarkName; items: WorkItem[]; summary: string }

const isPhoto = (item: WorkItem) => item.state === 'photo_waiting' || (item.kind === 'photo' && item.state === 'saved')

/** `more`: saved ones that are not among these. What needs a person, then what moves, then the rest, oldest first; work before photos. */
export function groupWork(items: WorkItem[], more = 0): Group[] {
  const of = (...states: WorkState[]) =>
    items.filter((item) => states.includes(item.state)).sort((a, b) => Number(isPhoto(a)) - Number(isPhoto(b)) || a.saved_at.localeCompare(b.saved_at))
  const saved = of('saved', 'photo_waiting')
  const photos = saved.filter(isPhoto).length
  const work = saved.length - photos
  const groups: Group[] = [
    { key: 'needs', title: 'Needs you', mark: 'needs', items: items.filter(needsPerson), summary: '' },
    { key: 'sending', title: 'Sending', mark: 'sending', items: of('sending'), summary: '' },
    { key: 'saved', title: 'Saved on this laptop', mark: 'saved', items: saved, summary: more > 0 ? String(saved.length + more) : photos > 0 && work > 0 ? `${work} and photos` : String(saved.length) },
    { key: 'server', title: 'On the server', mark: 'server', items: of('on_server'), summary: '' },
  ]
  return groups.filter((group) => group.items.length > 0).map((group) => ({ ...group, summary: group.summary || String(group.items.length) }))
}
