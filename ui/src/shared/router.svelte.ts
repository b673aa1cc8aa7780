/** Where the window is: list, thing, drawer; never deeper. The address is the state, so going back is exact. */
export type Route =
  | { name: 'today' }
  | { name: 'jobs' }
  | { name: 'job'; id: string }
  | { name: 'inspection'; job: string; equipment: string; amends?: string }
  | { name: 'equipment' }
  | { name: 'item'; id: string }
  | { name: 'specs'; text: string }
  | { name: 'sync'; item?: string }
  | { name: 'gaps' }
  | { name: 'gap'; category?: string; field?: string; location?: string; technician?: string }

export function read(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent)
  const search = new URLSearchParams(query)
  const maybe = (key: string) => search.get(key) ?? undefined
  const [head, id, sub, other] = parts
  switch (head) {
    case 'jobs':
      if (id && sub === 'inspect' && other) return { name: 'inspection', job: id, equipment: other, amends: maybe('amends') }
      return id ? { name: 'job', id } : { name: 'jobs' }
    case 'equipment':
      return id ? { name: 'item', id } : { name: 'equipment' }
    case 'specs':
      return { name: 'specs', text: maybe('text') ?? '' }
    case 'sync':
      return { name: 'sync', item: maybe('item') }
    case 'gaps':
      return id === 'records'
        ? { name: 'gap', category: maybe('category'), field: maybe('field'), location: maybe('location'), technician: maybe('technician') }
        : { name: 'gaps' }
    default:
      return { name: 'today' }
  }
}

export function href(route: Route): string {
  const query = (values: Record<string, string | undefined>) => {
    const search = new URLSearchParams()
    for (const [key, value] of Object.entries(values)) if (value) search.set(key, value)
    const text = search.toString()
    return text ? `?${text}` : ''
  }
  const part = encodeURIComponent
  switch (route.name) {
    case 'job':
      return `#/jobs/${part(route.id)}`
    case 'inspection':
      return `#/jobs/${part(route.job)}/inspect/${part(route.equipment)}${query({ amends: route.amends })}`
    case 'item':
      return `#/equipment/${part(route.id)}`
    case 'specs':
      return `#/specs${query({ text: route.text })}`
    case 'sync':
      return `#/sync${query({ item: route.item })}`
    case 'gap':
      return `#/gaps/records${query({ category: route.category, field: route.field, location: route.location, technician: route.technician })}`
    default:
      return `#/${route.name}`
  }
}

class Router {
  route = $state.raw<Route>(read(globalThis.location?.hash ?? ''))
  /** The screen before this one: where the crumb leads back to. */
  previous = $state.raw<Route>()
  #scrolls = new Map<string, number>()

  constructor() {
    globalThis.addEventListener?.('hashchange', () => {
      this.previous = this.route
      this.route = read(location.hash)
    })
  }

  go(route: Route) {
    location.hash = href(route)
  }

  back() {
    history.back()
  }

  keepScroll(key: string, top: number) {
    this.#scrolls.set(key, top)
  }

  scrollOf(key: string) {
    return this.#scrolls.get(key) ?? 0
  }
}

export const router = new Router()

/** Going back returns to the same place in a list. */
export function keepScroll(key: string) {
  return (node: HTMLElement) => {
    const top = router.scrollOf(key)
    // The rows arrive after the list; the place is restored once there is height to scroll.
    const seen = new ResizeObserver(() => {
      if (top > 0 && node.scrollHeight - node.clientHeight >= top) {
        node.scrollTop = top
        seen.disconnect()
      }
    })
    if (top > 0) {
      seen.observe(node)
      for (const child of node.children) seen.observe(child)
    }
    const keep = () => router.keepScroll(key, node.scrollTop)
    node.addEventListener('scroll', keep, { passive: true })
    return () => {
      seen.disconnect()
      node.removeEventListener('scroll', keep)
    }
  }
}
