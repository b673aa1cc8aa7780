import { expect, it } from 'vitest'
import { ago, bytes, dayOf, duration, initials, longDay, percent, savedTime, timeOfDay } from './format'

it('keeps a day on its day, whatever the zone', () => {
  expect(longDay('2026-11-20')).toBe('Friday, November 20')
  expect(dayOf('2026-01-01').getFullYear()).toBe(2026)
})

it('says times with an ordinary space, which the bundled letters have', () => {
  expect(timeOfDay('13:30')).toBe('1:30 PM')
  expect(savedTime(new Date(2026, 10, 20, 9, 52, 18).toISOString())).toBe('9:52:18')
})

it('says how long in the largest unit that is still of use', () => {
  const now = Date.parse('2026-11-20T12:00:00Z')
  expect(ago('2026-11-20T11:59:50Z', now)).toBe('less than a minute')
  expect(ago('2026-11-20T11:19:00Z', now)).toBe('41 minutes')
  expect(ago('2026-11-20T10:59:00Z', now)).toBe('1 hour')
  expect(ago('2026-11-11T11:00:00Z', now)).toBe('9 days')
  expect([duration(45), duration(60), duration(105)]).toEqual(['45 min', '1 h', '1 h 45'])
})

it('never rounds a percentage up to what was not reached', () => {
  expect(percent(99.96)).toBe('99.9%')
  expect(percent(100)).toBe('100%')
  expect(percent(87.5)).toBe('87.5%')
})

it('shows sizes and initials as a person would', () => {
  expect([bytes(300), bytes(11_200_000)]).toEqual(['1 KB', '11.2 MB'])
  expect([initials('Dana Reyes'), initials('Ana Maria de la Cruz'), initials('Plato')]).toEqual(['DR', 'AC', 'P'])
})
