type Piece = { text: string; hit: boolean; swapped: boolean }

/** A model number cut where letters matched. Positions count characters, not units of UTF-16. */
export function pieces(number: string, matched: readonly (readonly [number, number, boolean])[]): Piece[] {
  const letters = [...number]
  const out: Piece[] = []
  const add = (from: number, to: number, hit: boolean, swapped: boolean) => {
    if (to > from) out.push({ text: letters.slice(from, to).join(''), hit, swapped })
  }
  let at = 0
  for (const [from, to, swapped] of [...matched].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(at, Math.min(from, letters.length))
    const end = Math.max(start, Math.min(to, letters.length))
    add(at, start, false, false)
    add(start, end, true, swapped)
    at = end
  }
  add(at, letters.length, false, false)
  return out
}
