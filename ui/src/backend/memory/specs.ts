import type { Commands, ModelSheet, SpecLimit } from '../../generated/contract'
import { items, models, type Model } from './company'

const alike: Record<string, string> = { O: '0', Q: '0', I: '1', L: '1', S: '5', B: '8' }
const fold = (c: string) => alike[c.toUpperCase()] ?? c.toUpperCase()
const sign = /[A-Za-z0-9]/

/** Where the folded text is found in a number: ranges of letters as written, and which were read as another. */
function ranges(number: string, text: string): [number, number, boolean][] | null {
  const places = [...number].map((c, i) => ({ c, i })).filter(({ c }) => sign.test(c))
  const typed = [...text].filter((c) => sign.test(c))
  const found = places.map((p) => fold(p.c)).join('').indexOf(typed.map(fold).join(''))
  if (found < 0) return null
  const out: [number, number, boolean][] = []
  typed.forEach((c, k) => {
    const at = places[found + k]?.i ?? 0
    const swapped = number[at]?.toUpperCase() !== c.toUpperCase()
    const last = out.at(-1)
    if (last?.[1] === at && last[2] === swapped) last[1] = at + 1
    else out.push([at, at + 1, swapped])
  })
  return out
}

const care = (m: Model) => items.filter((i) => i.model_id === m.id).length

export function findModels({ text, within, location_id }: Commands['search_specs'][0]): Commands['search_specs'][1] {
  const found = models.flatMap((m) => {
    const matched = text.trim() ? ranges(m.number, text) : null
    const near = !matched && text.trim().length > 3 ? ranges(m.number, text.replace(/9/, '7')) : null
    if (!matched && !near) return []
    const here = items.filter((i) => i.model_id === m.id && i.location_id === location_id).length
    return [{ model_id: m.id, model_number: m.number, matched: matched ?? near ?? [], manufacturer: m.maker, product_name: m.product, category: m.category, year_discontinued: m.ended, replaced_by: models.find((r) => r.id === m.replacedBy)?.number ?? null, in_our_care: care(m), on_this_site: here, one_off: !matched }]
  })
  found.sort((a, b) => Number(a.one_off) - Number(b.one_off) || b.on_this_site - a.on_this_site || b.in_our_care - a.in_our_care)
  const shown = found.filter((m) => within === 'all' || (within === 'in_our_care' ? m.in_our_care > 0 : m.on_this_site > 0))
  return { read_as: [...text].filter((c) => sign.test(c)).map(fold).join(''), models: shown, all: found.length, in_our_care: found.filter((m) => m.in_our_care).length, this_site: found.filter((m) => m.on_this_site).length, catalogue: 104_212, still_coming: null }
}

const limit = (item_key: string, label: string, allowed: string | null, likely: string | null, source: string): SpecLimit => ({ item_key, label, allowed, likely, possible: null, source })

export const limitsOf = (m: Model): SpecLimit[] =>
  m.category === 'backflow_preventer'
    ? [limit('check_1_psid', 'Check valve 1', 'at least 5 psid', null, "Maker's specification sheet"), limit('line_psi', 'Line pressure', 'at most 175 psi', null, 'Body: maximum working pressure'), limit('relief_psid', 'Relief valve opens', 'at least 2 psid', null, "Maker's specification sheet")]
    : m.category === 'hvac'
      ? [limit('static_inwc', 'External static', 'at most 1.2 in wc', null, 'Nameplate'), limit('suction_psig', 'Suction', null, '90 to 180 psig', 'Charging chart')]
      : []

export const modelSheet = (m: Model): ModelSheet => ({
  model_id: m.id, model_number: m.number, manufacturer: m.maker, product_name: m.product, category: m.category, specs: m.specs, limits: limitsOf(m),
  years: m.ended ? `2004 to ${String(m.ended)}` : '2013 to today', replaced_by: m.replacedBy, replaced_by_number: models.find((r) => r.id === m.replacedBy)?.number ?? null,
  maintenance_notes: m.notes, data_source: 'Maker sheet, checked 2025', confidence: 0.96, problems: m.problems, in_our_care: care(m), support_phone: '555-0110', website: null,
})
