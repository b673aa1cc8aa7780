const reachable = 'a[href], button:not(:disabled), input:not(:disabled):not([tabindex="-1"]), select:not(:disabled), textarea:not(:disabled), summary, [tabindex="0"]'

/** Tab stays inside while it is open, and the focus returns to where it came from. */
export function trap(node: HTMLElement) {
  const before = document.activeElement instanceof HTMLElement ? document.activeElement : null
  const inside = () => [...node.querySelectorAll<HTMLElement>(reachable)].filter((one) => one.offsetParent !== null)
  const first = node.querySelector<HTMLElement>('input:checked') ?? inside().find((one) => one.tagName !== 'BUTTON') ?? inside()[0] ?? node
  first.focus({ preventScroll: true })

  const pressed = (event: KeyboardEvent) => {
    if (event.key !== 'Tab') return
    const all = inside()
    const edge = event.shiftKey ? all[0] : all.at(-1)
    const other = event.shiftKey ? all.at(-1) : all[0]
    if (document.activeElement === edge || !node.contains(document.activeElement)) {
      other?.focus()
      event.preventDefault()
    }
  }
  node.addEventListener('keydown', pressed)
  return () => {
    node.removeEventListener('keydown', pressed)
    // Only if nothing else has taken it meanwhile.
    if (node.contains(document.activeElement) || document.activeElement === document.body) before?.focus({ preventScroll: true })
  }
}
