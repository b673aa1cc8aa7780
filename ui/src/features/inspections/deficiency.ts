import type { ItemSheet, Severity } from '../../generated/contract'

/** A deficiency while it is entered. */
export type Started = { picked: string | null; own: boolean; text: string; severity: Severity; action: string }

export const begin = (item: ItemSheet | undefined, known: number): Started => ({
  picked: item?.proposed?.text ?? null,
  own: item?.proposed === null || item === undefined ? known === 0 : false,
  text: '',
  severity: item?.proposed?.severity ?? 'noncritical',
  action: item?.proposed?.action ?? '',
})
