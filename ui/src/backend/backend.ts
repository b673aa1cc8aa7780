import type { Commands, Event } from '../generated/contract'

export type Command = keyof Commands

/** What stands behind the window: the program, or the demo data of a test build. */
export interface Backend {
  call<K extends Command>(command: K, request: Commands[K][0]): Promise<Commands[K][1]>
  listen(heard: (event: Event) => void): () => void
  photoUrl(id: string, size: 'thumb' | 'full'): string
}
