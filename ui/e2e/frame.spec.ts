import { expect, open, test } from './app.ts'
import { settle, views } from './views.ts'

test('Ctrl and a digit go along the rail, also from a text field', async ({ app }) => {
  await open(app, 'jobs')
  await app.getByTestId('jobs-filter').focus()
  for (const [digit, title] of [['1', 'Today'], ['3', 'Equipment'], ['4', 'Specs'], ['5', 'Sync'], ['6', 'Gaps'], ['2', 'Jobs']] as const) {
    await app.keyboard.press(`Control+${digit}`)
    await expect(app.getByRole('heading', { level: 1 })).toHaveText(title)
  }
})

test('the palette finds what is here first, and does what it says', async ({ app }) => {
  await open(app, 'jobs/job-j-20817')
  await app.getByTestId('job-complete').waitFor()
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('bfp')
  await expect(app.getByRole('option').first()).toContainText('BFP-1')
  await app.keyboard.press('ArrowDown')
  await app.keyboard.press('Enter')
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('BFP-2')
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('> dark')
  await app.keyboard.press('Enter')
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark')
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('lf009')
  await expect(app.getByRole('option', { name: 'Look for "lf009" in the catalog' })).toBeVisible()
  await app.keyboard.press('Tab')
  await expect(app.getByTestId('specs-input')).toHaveValue('lf009')
  await app.keyboard.press('Control+k')
  await app.keyboard.press('Escape')
  await expect(app.getByTestId('palette')).toBeHidden()
})

test('theme and glove are remembered', async ({ app }) => {
  await open(app, 'today')
  await app.getByTestId('rail-display').click()
  await app.getByTestId('theme-contrast').click()
  await app.getByTestId('glove').click()
  await app.reload()
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'contrast')
  await expect(app.locator('html')).toHaveAttribute('data-input', 'glove')
})

test('single keys can be switched off', async ({ app }) => {
  await app.addInitScript(() => localStorage.setItem('clara.display', JSON.stringify({ glove: false, keys: false })))
  await open(app, 'jobs/job-j-20817/inspect/eq-harbor-bfp-2')
  await app.getByTestId('reading-relief').press('d')
  await expect(app.getByTestId('deficiency-drawer')).toBeHidden()
})

test('the theme follows the system until a person chooses', async ({ app }) => {
  await app.emulateMedia({ colorScheme: 'dark' })
  await open(app, 'today')
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark')
  await app.emulateMedia({ colorScheme: 'light' })
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'light')
})

test('a screen at rest asks the program nothing', async ({ app }) => {
  // Every view in turn: each gets a few seconds of a slow machine.
  test.setTimeout(5_000 * views.length)
  const calls = () => app.evaluate(() => (globalThis as { callsSoFar?: number }).callsSoFar ?? 0)
  for (const view of views) {
    await app.goto('about:blank')
    await open(app, view.path, view.search)
    await app.getByTestId(view.see).first().waitFor({ state: 'attached' })
    await view.then?.(app)
    await settle(app)
    const before = await calls()
    expect(before, view.name).toBeGreaterThan(0)
    await app.waitForTimeout(300)
    expect((await calls()) - before, `${view.name} is at rest`).toBe(0)
  }
})

for (const [width, height] of [[1024, 640], [1366, 768], [1920, 1080]] as const)
  test(`nothing runs out of the window at ${width}x${height}`, async ({ app }) => {
    await app.setViewportSize({ width, height })
    for (const view of views.filter((one) => !one.then)) {
      await app.goto('about:blank')
      await open(app, view.path, view.search)
      await app.getByTestId(view.see).first().waitFor({ state: 'attached' })
      await settle(app)
      const over = await app.evaluate(() => {
        const seen = (node: Element) => {
          const box = node.getBoundingClientRect()
          return box.width > 1 && box.height > 1 && (box.right > innerWidth + 1 || box.left < -1)
        }
        // What a scrolling or clipping box holds is its own matter.
        const clipped = (node: Element): boolean => !!node.parentElement && (getComputedStyle(node.parentElement).overflowX !== 'visible' || clipped(node.parentElement))
        return [...document.querySelectorAll('#app *')].filter((node) => seen(node) && !clipped(node)).map((node) => `${node.tagName}.${node.getAttribute('class') ?? ''}`)
      })
      expect(over, view.name).toEqual([])
      const covered = await app.evaluate(() => {
        const parts = [...document.querySelectorAll('.main > *')].filter((node) => getComputedStyle(node).position !== 'fixed').map((node) => node.getBoundingClientRect()).filter((box) => box.width > 0)
        return parts.flatMap((a, i) => parts.slice(i + 1).filter((b) => a.left < b.right - 8 && b.left < a.right - 8 && a.top < b.bottom - 8 && b.top < a.bottom - 8).map((b) => [a.left, a.top, b.left, b.top].map(Math.round).join(' ')))
      })
      expect(covered, `${view.name}: no column lies on another`).toEqual([])
      expect(await app.evaluate(() => [...document.querySelectorAll('.main > *, .bar > *')].filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX === 'visible').map((node) => node.className)), `${view.name} fits its columns`).toEqual([])
    }
  })
