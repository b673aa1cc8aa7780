type Toast = { text: string; detail?: string; undo?: () => void }

/** One at a time, names the thing, stays eight seconds or until the next. Never for what went wrong. */
class Toasts {
  current = $state.raw<Toast>()
  #timer: ReturnType<typeof setTimeout> | undefined

  show(toast: Toast) {
    clearTimeout(this.#timer)
    this.current = toast
    this.#timer = setTimeout(() => this.close(), 8000)
  }

  close() {
    clearTimeout(this.#timer)
    this.current = undefined
  }

  undo() {
    const undo = this.current?.undo
    this.close()
    undo?.()
  }
}

export const toasts = new Toasts()
