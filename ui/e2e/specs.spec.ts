import { expect, open, test } from './app.ts'

test('a model is found from letters read badly, and the sheet follows the selection', async ({ app }) => {
  await open(app, 'specs')
  await expect(app.getByTestId('specs-input')).toBeFocused()
  await app.keyboard.type('oo9 m2')
  await expect(app.getByText('Read as 009M2')).toBeVisible()
  await expect(app.getByTestId('spec-row')).toHaveCount(8)
  await expect(app.getByTestId('spec-row').first().locator('mark.swapped')).toHaveText('00')
  await expect(app.getByRole('heading', { name: 'LF009M2QT', exact: true })).toBeVisible()
  await app.keyboard.press('ArrowDown')
  await expect(app.getByRole('heading', { name: '009M2QT', exact: true })).toBeVisible()
  await expect(app.getByTestId('specs-input')).toBeFocused()
})

test('a number nobody knows leads to saving what can be read', async ({ app }) => {
  await open(app, 'jobs/job-j-20817')
  await app.getByTestId('job-complete').waitFor()
  await app.keyboard.press('Control+4')
  await app.getByTestId('specs-input').fill('XQ-77')
  await expect(app.getByText('No model fits')).toBeVisible()
  await app.getByTestId('specs-not-in-list').click()
  await expect(app.locator('#add-model')).toHaveValue('XQ-77')
})

test('typing goes to the field wherever the focus is', async ({ app }) => {
  await open(app, 'specs')
  await app.getByTestId('specs-scope-in_our_care').focus()
  await app.keyboard.type('375')
  await expect(app.getByTestId('specs-input')).toHaveValue('375')
})

test('with nothing typed the catalog is counted, and nothing is said to be missing', async ({ app }) => {
  await open(app, 'specs')
  await expect(app.getByText('104,212 models can be found here')).toBeVisible()
  await expect(app.getByText('No model fits')).toHaveCount(0)
  await expect(app.getByTestId('specs-scope-all')).toHaveText('All')
  await app.keyboard.type('375')
  await expect(app.getByTestId('specs-scope-all')).toHaveText(/^All\s*[1-9]/)
})

test('a model says between which values its readings may lie, and who says so', async ({ app }) => {
  await open(app, 'specs')
  await app.keyboard.type('oo9 m2')
  const relief = app.getByTestId('spec-limits').getByRole('row', { name: 'Relief valve opens' })
  await expect(relief).toContainText('at least 2 psid')
  await expect(relief).toContainText("Maker's specification sheet")
})
