import { untrack } from 'svelte'
import { display } from './display.svelte'

type Key = {
  /** As on the key cap: `Ctrl K`, `W`, `Shift Enter`, `]`. */
  keys: string
  does: string
  run: (event: KeyboardEvent) => void
  /** Works while a text field has the cursor. Letters never do; in number fields they always work. */
  inText?: boolean
  when?: () => boolean
}
type Group = { where: string; keys: Key[] }

const typesText = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'file'].includes(target.type) && target.inputMode !== 'decimal'))

const named: Record<string, string> = { Up: 'ArrowUp', Down: 'ArrowDown', Left: 'ArrowLeft', Right: 'ArrowRight', Esc: 'Escape', Space: ' ' }

/** Whether a key cap's text is what was pressed. */
export function matches(keys: string, event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): boolean {
  const parts = keys.split(' ')
  const key = parts.at(-1) ?? ''
  const wanted = named[key] ?? key
  const ctrl = parts.includes('Ctrl')
  const alt = parts.includes('Alt')
  const shift = parts.includes('Shift')
  if (ctrl !== (event.ctrlKey || event.metaKey) || alt !== event.altKey) return false
  // `?` needs Shift on most keyboards: for signs the sign alone decides.
  const letter = /^[a-z]$/i.test(wanted)
  if ((letter || wanted.length > 1) && shift !== event.shiftKey) return false
  return letter ? event.key.toLowerCase() === wanted.toLowerCase() : event.key === wanted
}

class Keyboard {
  groups = $state.raw<Group[]>([])

  constructor() {
    globalThis.addEventListener?.('keydown', (event) => this.#pressed(event))
  }

  #pressed(event: KeyboardEvent) {
    if (event.defaultPrevented || event.isComposing) return
    // The screen on top is asked first.
    for (const group of [...this.groups].reverse()) {
      for (const key of group.keys) {
        if (!matches(key.keys, event) || (key.when && !key.when())) continue
        const single = !event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1
        if (single && !display.keys) continue
        if (typesText(event.target) && !key.inText) continue
        // A button under the cursor keeps its own Enter and Space; an answer keeps Space alone, so that going on with
        // Enter never answers by itself.
        const on = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('button, a, summary, [role=option]') : null
        if (on && !event.ctrlKey && (event.key === ' ' || (event.key === 'Enter' && on.dataset.enter !== 'next'))) continue
        event.preventDefault()
        key.run(event)
        return
      }
    }
  }

  // Untracked: adding reads the list it writes, and would run the screen's effect again without end.
  add(group: Group): () => void {
    untrack(() => (this.groups = [...this.groups, group]))
    return () => untrack(() => (this.groups = this.groups.filter((other) => other !== group)))
  }
}

export const keyboard = new Keyboard()

/** Keys of a screen, for as long as it is there; the help lists them by itself. */
export function useKeys(where: string, keys: Key[]) {
  $effect(() => keyboard.add({ where, keys }))
}
