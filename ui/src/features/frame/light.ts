import type { Net, SyncStatus } from '../../generated/contract'
import { bytesOf, savedTime } from '../../shared/format'
import type { MarkName } from '../../shared/marks'

export type Light = { state: 'server' | 'local' | 'sending' | 'needs'; first: string; second: string; mark: MarkName }

/** Which one of how many. */
export const photoWords = ({ number, of }: { number: number; of: number }) => `Sending photo ${number} of ${of}`

const needs = (n: number) => (n === 1 ? '1 needs you' : `${n} need you`)

/**
 * The two lines of the light; its mark is green only with a receipt. "Safe to close" only when the last change is durable
 * in both places, and nothing typed (`typed`) waits to be given to the program.
 */
export function light(status: SyncStatus, typed = true): Light {
  const moving = status.sending > 0 && (status.activity === 'sending' || status.activity === 'sending_photos')
  const rest = Math.max(0, status.only_here - status.sending)
  const safe = status.safe_to_close && typed ? 'safe to close' : 'saving, keep it open'
  const person = status.needs_you > 0 ? `${needs(status.needs_you)} · ` : ''
  const photo = status.activity === 'sending_photos' ? status.photo : null
  if (photo) return { state: 'sending', first: photoWords(photo), second: `${bytesOf(photo.bytes_done, photo.byte_count)} · ${person}${safe}`, mark: 'sending' }
  if (moving) return { state: 'sending', first: rest > 0 ? `Sending ${status.sending}, then ${rest} more` : `Sending ${status.sending}`, second: person + safe, mark: 'sending' }
  if (status.only_here > 0) return { state: 'local', first: `${status.only_here} only on this laptop`, second: person + safe, mark: 'saved' }
  if (status.needs_you > 0) return { state: 'needs', first: needs(status.needs_you), second: status.demo || !status.last_receipt_at ? safe : 'all else on the server', mark: 'needs' }
  if (status.demo) return { state: 'server', first: 'Demo company', second: 'nothing leaves this laptop', mark: 'saved' }
  if (status.last_receipt_at) return { state: 'server', first: 'All on the server', second: `receipt ${savedTime(status.last_receipt_at)}`, mark: 'server' }
  return { state: 'server', first: 'Nothing to send', second: safe, mark: 'saved' }
}

/** For a reader, with everything that is in the light. */
export const lightSentence = (status: SyncStatus, typed = true) => {
  const { first, second } = light(status, typed)
  return `${first}, ${second.replaceAll(' · ', ', ')}`
}

/** Never in a warning color: no network is normal. */
export function netWords(net: Net, workOffline: boolean, demo: boolean, signal: boolean): { words: string; up: boolean } {
  if (demo) return { words: 'Demo', up: false }
  if (workOffline) return { words: 'Working offline', up: false }
  if (net === 'online') return { words: 'Online', up: true }
  if (!signal) return { words: 'No signal', up: false }
  if (net === 'refused') return { words: 'Sign in needed', up: false }
  return { words: net === 'unknown' ? 'Not connected yet' : 'Server not reachable', up: false }
}

