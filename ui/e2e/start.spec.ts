import { expect, open, test } from './app.ts'

test('the demo opens with one press', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await app.getByTestId('firstrun-demo').click()
  await expect(app.getByTestId('now')).toBeVisible()
})

test('the demo says of nothing that it is on a server', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await app.getByTestId('firstrun-demo').click()
  await expect(app.getByTestId('now')).toBeVisible()
  await expect(app.getByTestId('sync-light')).toContainText('Demo company')
  await expect(app.locator('body')).not.toContainText(/on the server/i)
  await app.getByTestId('rail-sync').click()
  await expect(app.getByText('Nothing needs you.')).toBeVisible()
  await expect(app.locator('body')).not.toContainText(/on the server/i)
})

test('an enrollment text that is broken says so beside the field, and a whole one enrolls', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await expect(app.getByTestId('firstrun-device-name')).toHaveValue('Laptop 07')
  await app.getByTestId('firstrun-enroll-text').fill('half of it')
  await app.getByTestId('firstrun-enroll').click()
  await expect(app.getByTestId('failure')).toHaveAttribute('data-code', 'enrolment')
  await expect(app.getByTestId('firstrun-enroll-text')).toHaveAttribute('aria-invalid', 'true')
  await app.getByTestId('firstrun-enroll-file').setInputFiles({ name: 'laptop.clara', mimeType: 'text/plain', buffer: Buffer.from('CLARA1 whole') })
  await expect(app.getByTestId('firstrun-enroll-text')).toHaveValue('CLARA1 whole')
  await app.getByTestId('firstrun-passphrase').fill('pump room')
  await app.getByTestId('firstrun-enroll').click()
  await expect(app.getByTestId('now')).toBeVisible()
})

test('without a keyring a passphrase is asked for', async ({ app }) => {
  await open(app, '', '?start=fresh&keyring=none')
  await expect(app.getByTestId('firstrun-passphrase')).toHaveAttribute('required')
  await expect(app.getByTestId('check-keyring')).toContainText('No keyring')
})

test('a locked laptop opens with its passphrase and no other', async ({ app }) => {
  await open(app, '', '?start=locked')
  await expect(app.getByTestId('locked-passphrase')).toBeFocused()
  await app.keyboard.type('wrong')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('failure')).toContainText('Your work is here and stays here.')
  await app.getByTestId('locked-passphrase').fill('pump room')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('now')).toBeVisible()
})

test('a laptop whose access ended says what happened, where the work is, and opens with a new enrollment', async ({ app }) => {
  await open(app, '', '?start=revoked')
  const page = app.getByTestId('revoked')
  await expect(page).toContainText("The office has ended this laptop's access")
  await expect(page).toContainText('Nothing was deleted.')
  await expect(app.getByTestId('revoked-pack')).toContainText('.clara-rescue')
  await expect(page).toContainText('opens the work again, as it was')
  await app.getByTestId('revoked-enroll-text').fill('half of it')
  await app.getByTestId('revoked-enroll').click()
  await expect(app.getByTestId('failure')).toHaveAttribute('data-code', 'enrolment')
  await app.getByTestId('revoked-enroll-text').fill('CLARA1 whole')
  await app.getByTestId('revoked-enroll').click()
  await expect(app.getByTestId('now')).toBeVisible()
})

test('a laptop whose access ended promises nothing that it cannot keep', async ({ app }) => {
  await open(app, '', '?start=revoked&unsent=none&lock_key=none&keyring=none')
  await expect(app.getByTestId('revoked')).toContainText('There is no rescue pack here')
  await expect(app.getByTestId('revoked')).toContainText('you begin anew')
  await expect(app.getByTestId('revoked-pack')).toHaveCount(0)
  await expect(app.getByTestId('revoked-passphrase')).toHaveAttribute('required')
})

test('a first sync shows how far it is, and that work can start', async ({ app }) => {
  await open(app, 'today', '?sync=first')
  await expect(app.getByTestId('first-sync')).toContainText('61%')
  await expect(app.getByTestId('now')).toBeVisible()
})

test('what has not come yet is not called nothing', async ({ app }) => {
  await open(app, 'today', '?sync=begun')
  await expect(app.getByTestId('awaited')).toContainText("Today's sites are coming")
  await expect(app.getByTestId('awaited')).toContainText('The first sync has begun. Sites are still coming, 12%.')
  await expect(app.locator('body')).not.toContainText(/No jobs today|on the server/i)
  await app.getByTestId('rail-jobs').click()
  await expect(app.getByText('Jobs are coming')).toBeVisible()
  await app.getByTestId('rail-equipment').click()
  await expect(app.getByText('Equipment is coming')).toBeVisible()
})

test('a laptop that never reached the server says what it needs', async ({ app }) => {
  await open(app, 'today', '?sync=never')
  await expect(app.getByTestId('awaited')).toContainText('Not synced yet')
  await expect(app.getByTestId('awaited')).toContainText('needs a network once')
  await expect(app.locator('body')).not.toContainText(/on the server/i)
})
