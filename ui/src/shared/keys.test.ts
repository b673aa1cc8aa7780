import { expect, it } from 'vitest'
import { matches } from './keys.svelte'

const press = (key: string, more: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more })

it('knows a letter in either case, and not with other keys held', () => {
  expect(matches('W', press('w'))).toBe(true)
  expect(matches('W', press('w', { ctrlKey: true }))).toBe(false)
  expect(matches('W', press('W', { shiftKey: true }))).toBe(false)
})

it('knows signs by the sign, since they need Shift on some keyboards', () => {
  expect(matches('?', press('?', { shiftKey: true }))).toBe(true)
  expect(matches('=', press('='))).toBe(true)
})

it('tells Enter, Shift Enter and Ctrl Enter apart', () => {
  expect(matches('Enter', press('Enter', { shiftKey: true }))).toBe(false)
  expect(matches('Shift Enter', press('Enter', { shiftKey: true }))).toBe(true)
  expect(matches('Ctrl Enter', press('Enter', { ctrlKey: true }))).toBe(true)
  expect(matches('Alt Left', press('ArrowLeft', { altKey: true }))).toBe(true)
})
