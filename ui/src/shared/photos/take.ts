import { call } from '../../backend'
import type { PhotoState, PhotoTarget, TakenIn } from '../../generated/contract'
import type { MarkName } from '../marks'

export const photoMarks: Record<PhotoState, { mark: MarkName; words: string }> = {
  waiting: { mark: 'photo', words: 'Photo waiting' },
  sending: { mark: 'sending', words: 'Sending' },
  on_server: { mark: 'server', words: 'On the server' },
  remote: { mark: 'server', words: 'On the server, not on this laptop' },
  damaged: { mark: 'needs', words: 'Missing file, take it again' },
}

/** Bytes to base64 in slices: one call with every byte as an argument would overflow the stack. */
export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}

/** One file after the other, so that one bad file neither stops nor slows the rest. */
export async function takeFiles(files: Iterable<File>, target: PhotoTarget): Promise<TakenIn> {
  const taken: TakenIn = { kept: [], refused: [] }
  for (const file of files) {
    const one = await call('add_photo', { target, name: file.name, base64: base64(new Uint8Array(await file.arrayBuffer())) })
    taken.kept.push(...one.kept)
    taken.refused.push(...one.refused)
  }
  return taken
}
