import { expect, it } from 'vitest'
import { href, read, type Route } from './router.svelte'

const routes: Route[] = [
  { name: 'today' },
  { name: 'jobs' },
  { name: 'job', id: '0192-a' },
  { name: 'inspection', job: 'j', equipment: 'e', amends: undefined },
  { name: 'inspection', job: 'j', equipment: 'e', amends: 'i' },
  { name: 'equipment' },
  { name: 'item', id: 'a/b c' },
  { name: 'specs', text: 'oo9 m2&x' },
  { name: 'sync', item: undefined },
  { name: 'sync', item: 'w' },
  { name: 'gaps' },
  { name: 'gap', category: 'hvac', field: 'components.belt_size', location: undefined, technician: undefined },
]

it.each(routes)('finds the way back to $name from its own address', (route) => {
  expect(read(href(route))).toEqual(route)
})

it('goes to Today from an address nobody knows', () => {
  expect(read('#/nowhere/else')).toEqual({ name: 'today' })
  expect(read('')).toEqual({ name: 'today' })
})
