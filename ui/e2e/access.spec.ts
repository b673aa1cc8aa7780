import AxeBuilder from '@axe-core/playwright'
import { display } from './display.ts'
import { expect, open, test } from './app.ts'
import { settle, views } from './views.ts'

for (const theme of ['light', 'dark', 'contrast'])
  for (const view of views)
    test(`${view.name} can be used by everyone, ${theme}`, async ({ app }) => {
      await display(app, theme)
      await app.emulateMedia({ reducedMotion: 'reduce' })
      await open(app, view.path, view.search)
      await app.getByTestId(view.see).first().waitFor()
      await view.then?.(app)
      await settle(app)
      // Injected as a script of the test, not of the page: the content policy stays as it is.
      const found = await new AxeBuilder({ page: app }).setLegacyMode(true).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
      const grave = found.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical')
      expect(grave.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join('\n   ')}`)).toEqual([])
    })
