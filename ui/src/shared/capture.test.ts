import { expect, it } from 'vitest'
import { arcPath, arcs, captureSentence, gapWords } from './capture'

it('draws one arc for every field, in the order captured, justified, missing', () => {
  expect(arcs({ captured: 2, justified: 1, missing: 1 }).map((arc) => arc.kind)).toEqual(['captured', 'captured', 'justified', 'missing'])
})

it('never lets a small share vanish from a ring of many fields', () => {
  const kinds = arcs({ captured: 500, justified: 0, missing: 1 }).map((arc) => arc.kind)
  expect(kinds.length).toBeLessThanOrEqual(12)
  expect(kinds.filter((kind) => kind === 'missing')).toHaveLength(1)
})

it('shows a dotted ring where nothing is required, and a closed one for a single field', () => {
  expect(arcs({ captured: 0, justified: 0, missing: 0 })[0]?.kind).toBe('unknown')
  const [whole] = arcs({ captured: 1, justified: 0, missing: 0 })
  expect(whole).toMatchObject({ from: 0, to: 359.9 })
  expect(whole && arcPath(whole)).toMatch(/A15 15 0 1 1/)
})

it('says in words what the ring shows', () => {
  expect(captureSentence({ captured: 5, justified: 1, missing: 1 })).toBe('5 of 7 captured, 1 justified, 1 missing')
  expect([gapWords({ captured: 1, justified: 0, missing: 0 }), gapWords({ captured: 1, justified: 0, missing: 1 }), gapWords({ captured: 1, justified: 0, missing: 4 })]).toEqual(['No gaps', '1 gap', '4 gaps'])
})
