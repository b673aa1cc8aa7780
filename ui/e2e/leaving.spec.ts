import type { Page } from '@playwright/test'
import { expect, open, test } from './app.ts'

const at = 'jobs/job-j-20817/inspect/eq-harbor-bfp-2'

/** Presses the window's cross, and asks what the page answered. */
const cross = (page: Page) => page.evaluate(() => dispatchEvent(new Event('cross')))
const closed = (page: Page) => page.evaluate(() => (globalThis as { windowWent?: boolean }).windowWent)

test('closing the window waits for the last key', async ({ app }) => {
  await open(app, at, '?slow=400')
  await app.getByTestId('reading-line_pressure').fill('83')
  await cross(app)
  expect(await closed(app), 'the save is under way').toBeUndefined()
  await expect.poll(() => closed(app)).toBe(true)
})

test('a window with nothing typed closes at once, on the first screen too', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await app.getByTestId('firstrun-demo').waitFor()
  await cross(app)
  await expect.poll(() => closed(app)).toBe(true)
})

test('what cannot be saved keeps the window open until the person decides', async ({ app }) => {
  await open(app, at, '?fail=save_inspection')
  await app.getByTestId('reading-line_pressure').fill('83')
  await expect(app.getByTestId('save-state')).toHaveAttribute('data-state', 'unsaved')
  await expect(app.getByTestId('sync-light')).toContainText('saving, keep it open')
  await cross(app)
  await expect(app.getByTestId('leaving')).toContainText('Not saved yet')
  await expect.poll(() => closed(app)).toBe(false)
  await app.getByTestId('leaving-stay').click()
  await expect(app.getByTestId('reading-line_pressure')).toHaveValue('83')
  await cross(app)
  await app.getByTestId('leaving-go').click()
  await expect.poll(() => closed(app)).toBe(true)
})

test('Ctrl L locks; the passphrase leads back to the same place', async ({ app }) => {
  await open(app, at)
  await app.getByTestId('reading-line_pressure').fill('84')
  await app.keyboard.press('Control+l')
  await expect(app.getByTestId('locked-passphrase')).toBeFocused()
  await expect(app.locator('body')).not.toContainText('BFP-2')
  await app.keyboard.press('Control+1')
  await expect(app.getByTestId('locked-passphrase')).toBeVisible()
  await app.getByTestId('locked-passphrase').fill('pump room')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('reading-line_pressure')).toHaveValue('84')
})

test('where no passphrase was set, a press opens it again', async ({ app }) => {
  await open(app, 'today', '?keyring=only')
  await app.getByTestId('rail-user').click()
  await app.getByTestId('lock').click()
  await expect(app.getByText('it opens without a passphrase')).toBeVisible()
  await expect(app.getByTestId('locked-passphrase')).toHaveCount(0)
  await app.getByTestId('locked-open').click()
  await expect(app.getByTestId('now')).toBeVisible()
})
