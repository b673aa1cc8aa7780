import { test as base, expect, type Page } from '@playwright/test'

/** The moment the demo data is about. */
export const moment = new Date('2026-11-20T14:52:20Z')

/** The window on demo data, at that moment, with nothing remembered. Any refusal by the content policy fails the test. */
export const test = base.extend<{ app: Page }>({
  app: async ({ page }, use) => {
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(error.stack ?? error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text())
    })
    await page.clock.setFixedTime(moment)
    await use(page)
    expect(wrong, 'no fault and nothing refused by the content policy').toEqual([])
  },
})

export async function open(page: Page, path: string, search = '') {
  await page.goto(`/${search}#/${path}`)
  await page.evaluate(() => document.fonts.ready)
}

export { expect }
