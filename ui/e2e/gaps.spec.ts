import { expect, open, test } from './app.ts'

const manager = '?user=manager&sync=clear'

test('the percentage says what it is made of', async ({ app }) => {
  await open(app, 'gaps', manager)
  await expect(app.getByTestId('gaps-percentage')).toHaveText('87.5%')
  await app.getByRole('button', { name: 'why?' }).click()
  await expect(app.getByText('14,981 captured + 1,142 justified, of 18,026 required')).toBeVisible()
  await expect(app.getByText('394 unknown are not counted as missing')).toBeVisible()
})

test('a cell opens the devices behind it, with their evidence', async ({ app }) => {
  await open(app, 'gaps', manager)
  await app.getByTestId('cell-backflow_preventer-installation_date').click()
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('Backflow, installation date')
  await expect(app.getByTestId('drill-row')).toHaveCount(3)
  await app.getByTestId('drill-row').nth(1).click()
  await expect(app.getByRole('region', { name: 'Evidence' })).toContainText('BFP-4')
  await app.getByRole('link', { name: 'Fill in here' }).click()
  await expect(app.getByTestId('plate-installation_date')).toHaveAttribute('data-missing', 'true')
})

test('few visits of a technician show no figure', async ({ app }) => {
  await open(app, 'gaps', manager)
  await expect(app.getByText('fewer than 5 visits')).toBeAttached()
})

test('the table is saved with one press, and its name is told', async ({ app }) => {
  await open(app, 'gaps', manager)
  const saving = app.waitForEvent('download')
  await app.getByTestId('gaps-csv').click()
  expect((await saving).suggestedFilename()).toBe('completeness-2026-11-20.csv')
  await expect(app.getByTestId('toast')).toContainText('Saved as completeness-2026-11-20.csv')
})

test('a table that could not be saved says so, and can be saved again', async ({ app }) => {
  await open(app, 'gaps', `${manager}&fail=export_completeness`)
  await app.getByTestId('gaps-csv').click()
  await expect(app.getByTestId('csv-dialog').getByTestId('failure')).toBeVisible()
  await expect(app.getByTestId('csv-dialog').getByRole('button', { name: 'Try again' })).toBeEnabled()
  await expect(app.getByTestId('toast')).toHaveCount(0)
})
