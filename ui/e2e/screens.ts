import { mkdirSync } from 'node:fs'
import { display } from './display.ts'
import { open, test } from './app.ts'
import { settle, views } from './views.ts'

// Photographs every view, to be laid beside the design. Not a test: nothing is compared.
const folder = process.env.SCREENS ?? 'test-results/screens'
const only = process.env.ONLY?.split(',')
mkdirSync(folder, { recursive: true })

const shots = [
  { theme: 'light', width: 1366, height: 768 },
  { theme: 'dark', width: 1366, height: 768 },
  { theme: 'light', width: 1920, height: 1080 },
  { theme: 'contrast', width: 1366, height: 768, of: ['today', 'inspection', 'sync', 'gaps'] },
  { theme: 'light', width: 1024, height: 640 },
  { theme: 'light', input: 'glove', width: 1366, height: 768, of: ['today', 'inspection-findings', 'job'] },
]

for (const shot of shots) {
  const label = [shot.input ?? shot.theme, shot.width].join('-')
  test.describe(label, () => {
    test.use({ viewport: { width: shot.width, height: shot.height } })
    for (const view of views.filter((one) => (!shot.of || shot.of.includes(one.name)) && (!only || only.includes(one.name)))) {
      test(view.name, async ({ app }) => {
        await display(app, shot.theme, shot.input === 'glove')
        await open(app, view.path, view.search)
        await app.getByTestId(view.see).first().waitFor()
        await view.then?.(app)
        await settle(app)
        await app.screenshot({ path: `${folder}/${view.name}-${label}.png` })
      })
    }
  })
}
