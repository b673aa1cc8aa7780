import type { call as Call } from '../../backend'
import type { IconName } from '../../shared/icons'
import { display } from '../../shared/display.svelte'
import { overlay } from '../../shared/palette.svelte'
import type { place } from '../../shared/place.svelte'
import { router } from '../../shared/router.svelte'
import { here } from '../../shared/session.svelte'
import { categories } from '../../shared/words'

export type Found = { group: string; icon: IconName; text: string; detail?: string; keys?: string; run: () => void }
type Here = typeof place.at

const network = (call: typeof Call, offline: boolean): Found[] => [
  { group: 'Do', icon: 'sync', text: 'Sync now', run: () => { router.go({ name: 'sync' }); void call('sync_now', {}).catch(() => undefined) } },
  { group: 'Do', icon: offline ? 'signal' : 'no-signal', text: offline ? 'Work online' : 'Work offline', run: () => void call('work_offline', { offline: !offline }).then((status) => (here.sync = status)).catch(() => undefined) },
]

const actions = (call: typeof Call): Found[] => {
  const group = 'Do'
  const sync = here.sync
  return [
    ...(sync?.demo ? [] : network(call, sync?.work_offline ?? false)),
    { group, icon: 'display', text: 'Light theme', run: () => (display.theme = 'light') },
    { group, icon: 'display', text: 'Dark theme', run: () => (display.theme = 'dark') },
    { group, icon: 'display', text: 'Sun theme', detail: 'high contrast', run: () => (display.theme = 'contrast') },
    { group, icon: 'display', text: display.glove ? 'Leave glove mode' : 'Glove mode', run: () => (display.glove = !display.glove) },
    { group, icon: 'lock', text: 'Lock', keys: 'Ctrl L', run: () => void here.lock() },
    { group, icon: 'sign-out', text: sync?.demo ? 'Leave the demo' : 'Sign out', detail: 'with undo', run: () => (overlay.person = true) },
    { group, icon: 'keyboard', text: 'All keys', keys: '?', run: () => (overlay.keys = true) },
    ...(['today', 'jobs', 'equipment', 'sync', 'gaps'] as const).map((name, i): Found => ({ group: 'Go', icon: name, text: `${name.charAt(0).toUpperCase()}${name.slice(1)}`, keys: `Ctrl ${[1, 2, 3, 5, 6][i] ?? ''}`, run: () => router.go({ name }) })),
  ]
}

/** What is here first, then what can be done with it, then places, then the catalog. */
export async function find(typed: string, at: Here, call: typeof Call): Promise<Found[]> {
  const text = typed.trim()
  const only = /^[>@#]/.exec(text)?.[0] ?? ''
  const rest = text.slice(only.length).trim()
  const fits = (found: Found) => rest === '' || `${found.text} ${found.detail ?? ''}`.toLowerCase().includes(rest.toLowerCase())
  if (only === '>') return actions(call).filter(fits)

  const [devices, jobs] = await Promise.all([
    only === '@' || only === '#' || rest === '' ? [] : call('list_equipment', { text: rest, category: null, location_id: null, gaps_only: false, limit: 12 }).catch(() => []),
    rest === '' && only === '' ? [] : call('list_jobs', { status: null, mine: false, text: rest || null, limit: 8 }).catch(() => []),
  ])
  const out: Found[] = []
  const mine = devices.filter((device) => device.location_id === at?.location)
  const others = devices.filter((device) => device.location_id !== at?.location)
  const device = (group: string) => (one: (typeof devices)[number]): Found => ({ group, icon: categories[one.category].icon, text: one.tag, detail: [categories[one.category].one, one.manufacturer, one.model_number, one.location_detail, group === 'Equipment here' ? null : one.location_name].filter(Boolean).join(', '), run: () => router.go({ name: 'item', id: one.equipment_id }) })
  out.push(...mine.slice(0, 5).map(device('Equipment here')))
  const first = mine[0]
  const job = at?.job
  if (first && job) out.push({ group: `Do with ${first.tag}`, icon: 'check', text: `Inspect ${first.tag}`, run: () => router.go({ name: 'inspection', job, equipment: first.equipment_id }) })
  out.push(...others.slice(0, 5).map(device('Equipment elsewhere')))
  if (only === '@') {
    const sites = [...new Map(jobs.map((one) => [one.location_id, one])).values()]
    out.push(...sites.map((one): Found => ({ group: 'Sites', icon: 'pin', text: one.location_name, detail: one.title, run: () => router.go({ name: 'job', id: one.job_id }) })))
  } else {
    out.push(...jobs.slice(0, 6).map((one): Found => ({ group: 'Jobs', icon: 'jobs', text: `${one.job_number} ${one.location_name}`, detail: one.title, run: () => router.go({ name: 'job', id: one.job_id }) })))
  }
  if (only === '') {
    out.push(...actions(call).filter((found) => rest === '' || fits(found)).slice(0, rest === '' ? 12 : 4))
    if (rest !== '') out.push({ group: 'Specs', icon: 'specs', text: `Look for "${rest}" in the catalog`, keys: 'Tab', run: () => router.go({ name: 'specs', text: rest }) })
  }
  return out
}
