import { expect, open, test } from './app.ts'

test('a conflict is decided with one key and Enter', async ({ app }) => {
  await open(app, 'sync')
  await app.getByTestId('conflict-card').waitFor()
  await app.locator('h1').click()
  await app.keyboard.press('1')
  await expect(app.getByTestId('conflict-keep')).toHaveText('Keep mine')
  await app.keyboard.press('Enter')
  await expect(app.getByTestId('conflict-card')).toHaveCount(0)
  await expect(app.getByTestId('toast')).toContainText('mine kept')
  await expect(app.getByTestId('rail-sync')).toContainText('1 needs you')
})

test('both values can be joined and edited before they are kept', async ({ app }) => {
  await open(app, 'sync')
  await app.getByTestId('keep-both').click()
  await app.getByLabel('Both, edited').fill('Pump room B2, north wall by door 0114')
  await app.getByTestId('conflict-keep').click()
  await expect(app.getByTestId('conflict-card')).toHaveCount(0)
})

test('parked work says why, offers what can be done, and nothing else waits for it', async ({ app }) => {
  await open(app, 'sync')
  const card = app.getByTestId('work-card').filter({ hasText: 'E-14' })
  await expect(card).toContainText('The office retired E-14')
  await expect(card.getByRole('button', { name: /delete/i })).toHaveCount(0)
  await card.getByTestId('work-retry').click()
  await expect(app.getByTestId('work-row').filter({ hasText: 'Inspection of E-14' })).toHaveAttribute('data-state', 'saved')
})

test('the light, the lanes and the list tell one number; syncing empties them', async ({ app }) => {
  await open(app, 'sync')
  await expect(app.getByTestId('sync-light')).toContainText('8 only on this laptop')
  await app.getByTestId('sync-now').click()
  await expect(app.getByTestId('sync-light')).not.toContainText('only on this laptop')
  await expect(app.getByTestId('net-chip')).toHaveText('Online')
})

test('working offline is a choice that says what it means', async ({ app }) => {
  await open(app, 'sync')
  await app.getByTestId('work-offline').click()
  await expect(app.getByTestId('net-chip')).toHaveText('Working offline')
  await app.getByTestId('sync-now').click()
  await expect(app.getByTestId('failure')).toContainText('You work offline.')
  await app.getByTestId('work-offline').click()
  await expect(app.getByTestId('net-chip')).not.toHaveText('Working offline')
})

test('checking against the server tells what was compared, or why it could not be', async ({ app }) => {
  await open(app, 'sync')
  await app.getByTestId('check-server').click()
  await expect(app.getByTestId('failure')).toContainText('Your work is here and stays here.')
  await app.getByTestId('sync-now').click()
  await expect(app.getByTestId('net-chip')).toHaveText('Online')
  await app.getByTestId('check-server').click()
  await expect(app.getByTestId('checked')).toContainText('Both sides are the same.')
})

test('a manager decides on work that waits, and its author stays', async ({ app }) => {
  await open(app, 'sync', '?user=manager')
  await expect(app.getByTestId('parked-card')).toContainText('K. Osei')
  await app.getByTestId('parked-accept').click()
  await expect(app.getByTestId('parked-card')).toHaveCount(0)
})

test('a month of unsent work is drawn piece by piece, and the piece asked for is always there', async ({ app }) => {
  await open(app, 'sync?item=month-999', '?work=month')
  const rows = app.getByTestId('work-row')
  await expect(app.locator('[data-testid=work-row][aria-current=true]')).toHaveCount(1)
  const first = await rows.count()
  expect(first).toBeLessThan(250)
  await expect(app.getByText('not shown')).toContainText(/\d+ not shown/)
  await app.getByTestId('more-work').click()
  await expect.poll(() => rows.count()).toBeGreaterThan(first + 150)
})

test('a sync that nobody asked for here empties the list as well', async ({ app }) => {
  await open(app, 'sync')
  const waiting = app.getByTestId('work-row').and(app.locator('[data-state=saved]'))
  await expect(waiting).toHaveCount(4)
  await app.keyboard.press('Control+k')
  await app.getByTestId('palette-input').fill('> sync now')
  await app.getByRole('option', { name: 'Sync now' }).waitFor()
  await app.keyboard.press('Enter')
  await expect(waiting).toHaveCount(0)
})

test('photos on their way are counted one by one, and stop and go on with one press', async ({ app }) => {
  await open(app, 'sync', '?sync=photos')
  await expect(app.getByTestId('photo-progress')).toContainText('Photo 3 of 12')
  await expect(app.getByTestId('photo-progress')).toContainText('1.4 of 3.0 MB')
  await expect(app.getByTestId('sync-light')).toContainText('Sending photo 3 of 12')
  await app.getByTestId('photos-hold').focus()
  await app.keyboard.press('Enter')
  const lane = app.getByTestId('lane-photos')
  await expect(lane).toContainText('Stopped')
  await expect(lane).toContainText('28.4 MB, until you send them')
  await expect(app.getByTestId('sync-light')).toContainText('10 only on this laptop')
  await app.getByTestId('photos-send').click()
  await expect(app.getByTestId('photo-progress')).toContainText('Photo 1 of 10')
})
