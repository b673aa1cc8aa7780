import { expect, open, test } from './app.ts'

test('Today leads on to the inspection that was left, and to the jobs after it', async ({ app }) => {
  await open(app, 'today')
  await expect(app.getByTestId('now')).toContainText('38 of 64 devices done')
  await app.getByTestId('today-continue').click()
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('BFP-2')
  await app.getByTestId('rail-today').click()
  await app.getByTestId('job-row-J-20822').click()
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('Mercy Lane Clinic')
})

test('a job is started, its checklist ticked, and it closes only with a reason while something is open', async ({ app }) => {
  await open(app, 'jobs/job-j-20831')
  await app.getByTestId('job-start').click()
  await app.getByTestId('job-complete').click()
  const confirm = app.getByTestId('job-complete-confirm')
  await expect(confirm).toHaveAttribute('aria-disabled', 'true')
  await app.getByTestId('job-reason').fill('Belt is ordered.')
  await confirm.click()
  await expect(app.getByRole('heading', { name: 'Completed' })).toBeVisible()
  await expect(app.getByTestId('toast')).toContainText('Saved on this laptop')
})

test('the filters of a job count what they show, in fields for gaps', async ({ app }) => {
  await open(app, 'jobs/job-j-20817')
  await expect(app.getByTestId('device-row')).toHaveCount(26)
  await app.getByTestId('devices-gaps').click()
  await expect(app.getByTestId('device-row')).toHaveCount(4)
  await expect(app.getByTestId('devices-gaps')).toContainText('6')
  await app.getByTestId('devices-flagged').click()
  await expect(app.getByTestId('device-row')).toHaveCount(3)
  await app.getByTestId('devices-all').click()
  await expect(app.getByTestId('device-row')).toHaveCount(64)
})

test('going back finds the same rows at the same place', async ({ app }) => {
  await open(app, 'jobs/job-j-20817')
  await app.getByTestId('devices-all').click()
  const row = app.locator('[data-equipment-id="eq-harbor-d018"]')
  await row.scrollIntoViewIfNeeded()
  const before = await row.boundingBox()
  await row.click()
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('D018')
  await app.goBack()
  await expect(row).toBeInViewport()
  expect(Math.abs(((await row.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(4)
})

test('arrows move through the rows of a list', async ({ app }) => {
  await open(app, 'jobs')
  await app.getByTestId('job-row-J-20817').focus()
  await app.keyboard.press('ArrowDown')
  await expect(app.getByTestId('job-row-J-20822')).toBeFocused()
  await app.keyboard.press('Home')
  await expect(app.getByTestId('job-row-J-20817')).toBeFocused()
  await app.keyboard.press('/')
  await expect(app.getByTestId('jobs-filter')).toBeFocused()
  await app.keyboard.type('ridgeway')
  await expect(app.getByTestId('job-row-J-20817')).toHaveCount(0)
  await expect(app.getByTestId('job-row-J-20831')).toBeVisible()
})

test('a day without jobs says when the next ones are', async ({ app }) => {
  await open(app, 'today', '?day=empty')
  await expect(app.getByText('No jobs today')).toBeVisible()
  await expect(app.getByText('Next: Monday, 4 jobs.')).toBeVisible()
})

test('a list that cannot be read says what is safe, and can be asked again', async ({ app }) => {
  await open(app, 'jobs', '?fail=list_jobs')
  await expect(app.getByTestId('failure')).toContainText('Nothing was changed.')
  await expect(app.getByRole('button', { name: 'Try again' })).toBeVisible()
})
