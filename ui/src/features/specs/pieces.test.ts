import { expect, it } from 'vitest'
import { pieces } from './pieces'

it('cuts a number where letters matched, and marks those read as another', () => {
  expect(pieces('LF009M2QT', [[2, 4, true], [4, 7, false]])).toEqual([
    { text: 'LF', hit: false, swapped: false },
    { text: '00', hit: true, swapped: true },
    { text: '9M2', hit: true, swapped: false },
    { text: 'QT', hit: false, swapped: false },
  ])
})

it('loses no letter whatever the ranges say', () => {
  for (const ranges of [[], [[0, 99, false]], [[5, 2, false]], [[3, 5, false], [4, 6, true]], [[6, 8, true], [0, 2, false]]] as [number, number, boolean][][])
    expect(pieces('Ä-12😀45', ranges).map((piece) => piece.text).join('')).toBe('Ä-12😀45')
})
