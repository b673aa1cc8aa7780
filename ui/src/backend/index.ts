import { source } from '#source'
import type { Code, Commands, Event, Failure } from '../generated/contract'
import type { Command } from './backend'

export type { Command } from './backend'

export const call = <K extends Command>(command: K, request: Commands[K][0]): Promise<Commands[K][1]> => source.call(command, request)

export const photoUrl = (id: string, size: 'thumb' | 'full'): string => source.photoUrl(id, size)

const hearers = new Set<(event: Event) => void>()
let listening = false

/** Every hearer gets every event; the program is asked for them once. */
export function listen(heard: (event: Event) => void): () => void {
  hearers.add(heard)
  if (!listening) {
    listening = true
    source.listen((event) => {
      for (const hear of [...hearers]) hear(event)
    })
  }
  return () => hearers.delete(heard)
}

const codes: readonly Code[] = ['bad_input', 'not_here', 'not_allowed', 'not_a_picture', 'enrolment', 'login_refused', 'server_not_proven', 'server_not_reached', 'server_unfit', 'second_copy', 'locked', 'disk_full', 'damaged', 'internal']

/** What a call threw, as a failure a person can read; anything else is a fault of the program and said so. */
export function asFailure(error: unknown): Failure {
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error && codes.includes(error.code as Code)) {
    const { code, message, safe = '', next = '', field = null } = error as Failure
    return { code, message, safe, next, field }
  }
  return {
    code: 'internal',
    message: 'Something in the program did not work.',
    safe: 'What was saved on this laptop is still here.',
    next: 'Try again; if it stays, close the program and open it again.',
    field: null,
  }
}
