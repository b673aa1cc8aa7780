import { expect, it } from 'vitest'
import { base64 } from './take'

it('carries every byte of a photo, also of a large one', () => {
  const bytes = Uint8Array.from({ length: 200_003 }, (_, i) => i % 256)
  const back = Uint8Array.from(atob(base64(bytes)), (c) => c.charCodeAt(0))
  expect(back.length).toBe(bytes.length)
  expect(back.every((byte, i) => byte === bytes[i])).toBe(true)
})
