import { expect, it } from 'vitest'
import { unsaved } from './unsaved.svelte'

/** Something typed, on a disk that takes it or not. */
function typed(takes: { disk: boolean }) {
  let saved = false
  return {
    late: () => !saved && !takes.disk,
    flush: () => {
      saved ||= takes.disk
      return Promise.resolve(saved)
    },
  }
}

it('saves what every screen holds, and says whether all of it is on the disk', async () => {
  const disk = { disk: false }
  const leave = [unsaved.add(typed({ disk: true })), unsaved.add(typed(disk))]
  expect(unsaved.none).toBe(false)
  expect(await unsaved.flush()).toBe(false)
  disk.disk = true
  expect(await unsaved.flush()).toBe(true)
  expect(unsaved.none).toBe(true)
  for (const left of leave) left()
})

it('still knows what a screen could not save when it was left', async () => {
  const disk = { disk: false }
  unsaved.add(typed(disk))()
  await Promise.resolve()
  expect(unsaved.none).toBe(false)
  expect(await unsaved.flush()).toBe(false)
  disk.disk = true
  expect(await unsaved.flush()).toBe(true)
})
