export type Theme = 'light' | 'dark' | 'contrast'
type Choice = { theme?: Theme; glove: boolean; keys: boolean }

const place = 'clara.display'

function stored(): Choice {
  try {
    return { glove: false, keys: true, ...(JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Choice>) }
  } catch {
    return { glove: false, keys: true }
  }
}

/** Follows the system until a person chooses. */
class Display {
  #choice = $state<Choice>(stored())
  #system = $state<Theme>('light')

  constructor() {
    if (typeof matchMedia === 'undefined') return
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const more = matchMedia('(prefers-contrast: more)')
    const follow = () => {
      this.#system = more.matches ? 'contrast' : dark.matches ? 'dark' : 'light'
      this.#show()
    }
    dark.addEventListener('change', follow)
    more.addEventListener('change', follow)
    follow()
  }

  get theme(): Theme {
    return this.#choice.theme ?? this.#system
  }
  set theme(theme: Theme) {
    this.#keep({ theme })
  }
  get glove() {
    return this.#choice.glove
  }
  set glove(glove: boolean) {
    this.#keep({ glove })
  }
  /** Single letters as commands; some people press them without wanting to. */
  get keys() {
    return this.#choice.keys
  }
  set keys(keys: boolean) {
    this.#keep({ keys })
  }

  #keep(change: Partial<Choice>) {
    this.#choice = { ...this.#choice, ...change }
    localStorage.setItem(place, JSON.stringify(this.#choice))
    this.#show()
  }

  #show() {
    document.documentElement.dataset.theme = this.theme
    document.documentElement.dataset.input = this.glove ? 'glove' : 'pointer'
  }
}

export const display = new Display()
