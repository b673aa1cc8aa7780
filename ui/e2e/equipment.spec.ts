import { expect, open, test } from './app.ts'

test('a missing field is captured on the plate, shows its source, and can be taken back', async ({ app }) => {
  await open(app, 'equipment/eq-ridgeway-rtu-2')
  await app.getByTestId('capture-components.belt_size').click()
  await app.getByTestId('capture-value-components.belt_size').fill('A42')
  await app.getByTestId('capture-save-components.belt_size').click()
  await expect(app.getByTestId('plate-components.belt_size')).toHaveAttribute('data-missing', 'false')
  await expect(app.getByTestId('plate-components.belt_size')).toContainText('typed')
  await expect(app.getByText('7 of 7 fields captured')).toBeVisible()
  await expect(app.getByTestId('sync-light')).toContainText('9 only on this laptop')
})

test('what cannot be read counts when the reason is said', async ({ app }) => {
  await open(app, 'equipment/eq-harbor-sp-3')
  await app.getByTestId('capture-serial_number').click()
  await app.getByTestId('justify-serial_number-unreadable').click()
  await expect(app.getByTestId('plate-serial_number')).toContainText('Cannot be read')
  await expect(app.getByText('fields captured or justified')).toBeVisible()
})

test('equipment is found by a number read badly, and only rows in sight exist', async ({ app }) => {
  await open(app, 'equipment')
  await app.getByTestId('equipment-row').first().waitFor()
  expect(await app.getByTestId('equipment-row').count()).toBeLessThan(60)
  await app.getByTestId('equipment-filter').fill('lfoo9')
  await expect(app.getByTestId('equipment-row')).toHaveCount(2)
  await app.getByTestId('equipment-row').first().click()
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('BFP-1')
})

test('a device found on site joins the job', async ({ app }) => {
  await open(app, 'jobs/job-j-20831')
  await app.getByTestId('equipment-add').click()
  await app.getByLabel('Tag').fill('RTU-9')
  await app.getByLabel('Kind').selectOption('hvac')
  await app.getByTestId('add-equipment-confirm').click()
  await expect(app.getByTestId('device-row').filter({ hasText: 'RTU-9' })).toBeVisible()
})

test('a file that is no picture is refused by name on the equipment page', async ({ app }) => {
  await open(app, 'equipment/eq-ridgeway-rtu-2')
  await app.getByTestId('photo-file').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') })
  await expect(app.getByTestId('photo-refused')).toContainText('notes.txt')
})
