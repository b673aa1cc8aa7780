import { shortDate } from './format'

/** A day as a person writes it, as `YYYY-MM-DD`; null for what is no day. */
export function readDay(text: string): string | null {
  const trimmed = text.trim()
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(trimmed)
  const us = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/.exec(trimmed)
  const words = /^([a-z]{3,9})\.? (\d{1,2}),? (\d{4})$/i.exec(trimmed)
  const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
  const [y, m, d] = iso
    ? [iso[1], iso[2], iso[3]]
    : us
      ? [us[3], us[1], us[2]]
      : words
        ? [words[3], months.indexOf((words[1] ?? '').slice(0, 3).toLowerCase()) + 1, words[2]]
        : [0, 0, 0]
  const date = new Date(Date.UTC(Number(y), Number(m) - 1, Number(d)))
  const real = Number(y) > 1800 && date.getUTCMonth() === Number(m) - 1 && date.getUTCDate() === Number(d)
  return real ? date.toISOString().slice(0, 10) : null
}

export const showDay = (day: string) => (readDay(day) === day ? shortDate(day) : day)
