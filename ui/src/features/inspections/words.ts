import type { ItemSheet, Verdict } from '../../generated/contract'
import type { IconName } from '../../shared/icons'

export type Flag = { word: string; kind: 'in' | 'sus' | 'out' | 'imp' | 'none'; icon: IconName | null }

/** The exact words of a verdict, with the shape that says the same without them. */
export function flag(verdict: Verdict, item: Pick<ItemSheet, 'item_type'>, confirmed: boolean): Flag {
  switch (verdict) {
    case 'in_limits':
      return { word: item.item_type === 'number' || item.item_type === 'computed' ? (confirmed ? 'In limits, read again' : 'In limits') : 'Answered', kind: 'in', icon: 'check' }
    case 'suspicious':
      return { word: 'Suspicious', kind: 'sus', icon: 'question' }
    case 'out_low':
      return { word: 'Out of limits', kind: 'out', icon: 'low' }
    case 'out_high':
      return { word: 'Out of limits', kind: 'out', icon: 'high' }
    case 'impossible':
      return { word: 'Impossible', kind: 'imp', icon: 'impossible' }
    default:
      return { word: 'Not read yet', kind: 'none', icon: null }
  }
}

export const isOut = (verdict: Verdict) => verdict === 'out_low' || verdict === 'out_high'

export const notTestedReasons = ['No access', 'Valve would not close', 'Not in service', 'The customer did not allow it']

/** A unit as it is spoken. */
export const spoken = (unit: string) => ({ psid: 'p s i d', psi: 'p s i', psig: 'p s i g', gpm: 'gallons per minute', rpm: 'r p m', V: 'volts', A: 'amperes', '°F': 'degrees Fahrenheit' })[unit] ?? unit
