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

test('a sign-out says where the work is, and is undone with the passphrase', async ({ app }) => {
  await open(app, at)
  await app.getByTestId('reading-line_pressure').fill('85')
  await app.getByTestId('rail-user').click()
  await expect(app.getByRole('dialog')).toContainText('sealed into a file for the office first')
  await app.getByTestId('sign-out').click()
  const page = app.getByTestId('signed-out')
  await expect(page).toContainText('Dana Reyes is signed out')
  await expect(page).toContainText('1 draft and 4 photos')
  await expect(app.getByTestId('signed-out-pack')).toContainText('/home/dana/clara-field/rescue/')
  await expect(page).toContainText('ask the office for a new enrollment')
  await expect(app.getByTestId('signed-out-close')).toBeFocused()
  await expect(app.locator('body')).not.toContainText('BFP-2')
  await app.keyboard.press('Control+1')
  await expect(page).toBeVisible()
  // By keys alone: the passphrase stands before the buttons.
  await app.keyboard.press('Shift+Tab')
  await app.keyboard.type('wrong one')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('failure')).toContainText('This is not the passphrase.')
  await app.getByTestId('signed-out-passphrase').fill('pump room')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('reading-line_pressure'), 'what was typed last was saved first').toHaveValue('85')
})

test('a sign-out after everything was sent promises no file, and the window closes with one key', async ({ app }) => {
  await open(app, 'today', '?sync=clear')
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('> sign out')
  await app.keyboard.press('Enter')
  await expect(app.getByRole('dialog')).toContainText('All of it is on the server.')
  await app.getByTestId('sign-out').click()
  await expect(app.getByTestId('signed-out')).toContainText('Everything you made is on the server.')
  await expect(app.getByTestId('signed-out-pack')).toHaveCount(0)
  await app.keyboard.press('Enter')
  await expect.poll(() => closed(app)).toBe(true)
})

test('somebody else starts anew after a sign-out, and the way back stays until they do', async ({ app }) => {
  await open(app, 'jobs', '?keyring=only')
  await app.getByTestId('rail-user').click()
  await app.getByTestId('sign-out').click()
  await app.getByTestId('signed-out-anew').click()
  await expect(app.getByTestId('firstrun-enroll-text')).toBeVisible()
  await app.getByTestId('firstrun-back').click()
  await app.getByTestId('signed-out-undo').click()
  await expect(app.getByTestId('rail-user')).toBeVisible()
  await app.getByTestId('rail-user').click()
  await app.getByTestId('sign-out').click()
  await app.getByTestId('signed-out-anew').click()
  await app.getByTestId('firstrun-enroll-text').fill('CLARA1 whole')
  await app.getByTestId('firstrun-enroll').click()
  await expect(app.getByTestId('now')).toBeVisible()
})

test('what cannot be sealed is not signed out', async ({ app }) => {
  await open(app, 'today', '?recovery=none')
  await app.getByTestId('rail-user').click()
  await app.getByTestId('sign-out').click()
  await expect(app.getByTestId('failure')).toContainText('Your work is here and stays here.')
  await app.keyboard.press('Escape')
  await expect(app.getByTestId('now')).toBeVisible()
})

test('the demo is left with one press and back with another', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await app.getByTestId('firstrun-demo').click()
  await app.getByTestId('rail-user').click()
  await app.getByTestId('sign-out').click()
  await expect(app.getByTestId('signed-out')).toContainText('You left the demo')
  await expect(app.getByTestId('signed-out-passphrase')).toHaveCount(0)
  await app.getByTestId('signed-out-undo').click()
  await expect(app.getByTestId('now')).toBeVisible()
})
