/** Up, Down, Home and End move through the rows of a list; Enter is the row's own. */
export function rowKeys(node: HTMLElement) {
  const pressed = (event: KeyboardEvent) => {
    if (!['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key) || event.ctrlKey || event.altKey) return
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement) return
    const rows = [...node.querySelectorAll<HTMLElement>('a.line, button.line, [data-row]')]
    if (rows.length === 0) return
    const at = rows.findIndex((row) => row.contains(document.activeElement))
    const next = event.key === 'Home' ? 0 : event.key === 'End' ? rows.length - 1 : event.key === 'ArrowDown' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)
    rows[next]?.focus()
    rows[next]?.scrollIntoView({ block: 'nearest' })
    event.preventDefault()
  }
  node.addEventListener('keydown', pressed)
  return () => node.removeEventListener('keydown', pressed)
}
