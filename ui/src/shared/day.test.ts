import { expect, it } from 'vitest'
import { readDay, showDay } from './day'

it('reads a day however it is written', () => {
  for (const text of ['2027-03-01', '3/1/2027', '03.01.2027', 'Mar 1, 2027', 'march 1 2027']) expect(readDay(text), text).toBe('2027-03-01')
})

it('refuses days that do not exist', () => {
  for (const text of ['2027-02-29', '13/1/2027', 'soon', '', '2027', 'Foo 1, 2027']) expect(readDay(text), text).toBeNull()
})

it('shows what it stored as it would be said, and anything else as it stands', () => {
  expect(showDay('2027-03-01')).toBe('Mar 1, 2027')
  expect(showDay('Mar 2026')).toBe('Mar 2026')
})
