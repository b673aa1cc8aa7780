/** Dates and figures as the field reads them: US order, 12-hour clock, unit after the value. */

const at = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-US', options)
const clock = at({ hour: 'numeric', minute: '2-digit' })
const clockSeconds = at({ hour: 'numeric', minute: '2-digit', second: '2-digit' })
const monthDay = at({ month: 'short', day: 'numeric' })
const monthDayYear = at({ month: 'short', day: 'numeric', year: 'numeric' })
const monthYear = at({ month: 'short', year: 'numeric' })
const weekdayLong = at({ weekday: 'long' })
const full = at({ weekday: 'long', month: 'long', day: 'numeric' })

/** A day without a time must not slip to the day before in a zone west of Greenwich. */
export function dayOf(day: string): Date {
  const [y = 1970, m = 1, d = 1] = day.slice(0, 10).split('-').map(Number)
  return new Date(y, m - 1, d)
}

export const longDay = (day: string) => full.format(dayOf(day))
export const weekday = (day: string) => weekdayLong.format(dayOf(day))
export const shortDate = (day: string) => monthDayYear.format(dayOf(day))
export const monthAndYear = (day: string) => monthYear.format(dayOf(day.length === 7 ? `${day}-01` : day))
export const year = (day: string) => day.slice(0, 4)

/** `13:30` as the technician says it. */
export function timeOfDay(hhmm: string): string {
  const [h = 0, m = 0] = hhmm.split(':').map(Number)
  return plain(clock.format(new Date(2000, 0, 1, h, m)))
}
// Intl puts a narrow space before AM, which the bundled letters do not have.
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ')
export const time = (instant: string) => plain(clock.format(new Date(instant)))

/** Seconds only where saving is stated. */
export const savedTime = (instant: string) => plain(clockSeconds.format(new Date(instant))).replace(/ [AP]M$/, '')

/** Today by its time, this year by its day, before that with its year. */
export function moment(instant: string, now = new Date()): string {
  const then = new Date(instant)
  if (then.toDateString() === now.toDateString()) return time(instant)
  if (then.getFullYear() === now.getFullYear()) return `${monthDay.format(then)}, ${time(instant)}`
  return monthDayYear.format(then)
}

export function ago(instant: string, now = Date.now()): string {
  const minutes = Math.max(0, Math.round((now - Date.parse(instant)) / 60000))
  if (minutes < 1) return 'less than a minute'
  if (minutes < 60) return count(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return count(hours, 'hour')
  return count(Math.floor(hours / 24), 'day')
}

/** 105 minutes: "1 h 45". */
export function duration(minutes: number): string {
  const h = Math.floor(minutes / 60)
  const m = minutes % 60
  if (h === 0) return `${m} min`
  return m === 0 ? `${h} h` : `${h} h ${String(m).padStart(2, '0')}`
}

export const number = (value: number) => value.toLocaleString('en-US')
export const percent = (value: number) => `${(Math.floor(value * 10) / 10).toLocaleString('en-US', { maximumFractionDigits: 1 })}%`

export function bytes(amount: number): string {
  if (amount < 1_000_000) return `${Math.max(1, Math.round(amount / 1000))} KB`
  if (amount < 1_000_000_000) return `${(amount / 1_000_000).toFixed(1)} MB`
  return `${(amount / 1_000_000_000).toFixed(1)} GB`
}

/** "1.4 of 3.0 MB": both in the unit of the whole. */
export function bytesOf(done: number, whole: number): string {
  if (whole < 1_000_000) return `${Math.round(done / 1000)} of ${bytes(whole)}`
  return `${(done / 1_000_000).toFixed(1)} of ${bytes(whole)}`
}

export const count = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`
export const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
export const initials = (name: string) =>
  name.split(/\s+/).filter(Boolean).map((part) => part.charAt(0).toUpperCase()).filter((_, i, all) => i === 0 || i === all.length - 1).join('')

/** `fire_pump` and the like, where the contract gives a word of the database. */
export const humanize = (word: string) => sentence(word.replaceAll('_', ' '))
