import { expect, open, test } from './app.ts'

test('a copy is brought back after it is said what that means, and undone with one press', async ({ app }) => {
  await open(app, 'sync', '?sync=clear')
  await expect(app.getByTestId('backup-row')).toHaveCount(3)
  await app.getByTestId('backup-restore').nth(1).click()
  await expect(app.getByTestId('restore-box')).toContainText('Your work is kept.')
  await expect(app.getByTestId('restore-box')).toContainText('set aside, not deleted')
  await app.getByTestId('restore-confirm').click()
  await expect(app.getByTestId('restored')).toContainText('3 saved changes and 1 draft')
  await expect(app.getByTestId('backup-row')).toHaveCount(4)
  await expect(app.getByTestId('backup-row').first()).toContainText('Set aside')
  await app.getByTestId('restore-undo').click()
  await expect(app.getByRole('button', { name: 'All 5' })).toBeVisible()
})

test('a copy that cannot be opened is not offered, and leaving it changes nothing', async ({ app }) => {
  await open(app, 'sync', '?sync=clear')
  await expect(app.getByTestId('backup-restore').nth(2)).toHaveText('Cannot be opened')
  await app.getByTestId('backup-restore').first().click()
  await app.getByRole('button', { name: 'Leave it' }).click()
  await expect(app.getByTestId('restored')).toHaveCount(0)
  await expect(app.getByTestId('backup-row')).toHaveCount(3)
})

test('an exported item says where it lies', async ({ app }) => {
  await open(app, 'sync')
  await app.getByTestId('work-export').click()
  await expect(app.getByTestId('saved-path')).toHaveValue(/exports\/w-parked\.json$/)
  await app.getByTestId('saved-copy').click()
  await expect(app.getByTestId('saved-copy')).toHaveText('Copied')
})

test('the demo offers nothing that needs a server', async ({ app }) => {
  await open(app, '', '?start=fresh')
  await app.getByTestId('firstrun-demo').click()
  await app.getByTestId('rail-sync').click()
  await expect(app.getByTestId('demo-note')).toContainText('The demo has no server.')
  for (const button of ['sync-now', 'work-offline', 'check-server']) await expect(app.getByTestId(button)).toHaveCount(0)
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('> ')
  await app.getByRole('option', { name: 'Lock' }).waitFor()
  await expect(app.getByRole('option', { name: /Sync now|Work offline/ })).toHaveCount(0)
})
