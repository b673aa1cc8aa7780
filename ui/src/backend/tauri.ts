import { convertFileSrc, invoke } from '@tauri-apps/api/core'
import { listen } from '@tauri-apps/api/event'
import type { Event } from '../generated/contract'
import type { Backend } from './backend'

const windows = navigator.userAgent.includes('Windows')

export const source: Backend = {
  call: (command, request) => invoke(command, { request }),
  listen(heard) {
    const listening = listen<Event>('clara', (event) => heard(event.payload))
    return () => void listening.then((stop) => stop())
  },
  photoUrl(id, size) {
    // Windows serves custom schemes under http://<scheme>.localhost.
    const base = windows ? convertFileSrc(id, 'photo') : `photo://localhost/${encodeURIComponent(id)}`
    return `${base}?size=${size}`
  },
}
