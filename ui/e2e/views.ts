import type { Page } from '@playwright/test'

type View = { name: string; path: string; search?: string; see: string; then?: (page: Page) => Promise<void> }

const inspect = 'jobs/job-j-20817/inspect/eq-harbor-bfp-2'

/** Every view, and how it is known to be there. */
export const views: View[] = [
  { name: 'first-run', path: '', search: '?start=fresh', see: 'firstrun-demo' },
  { name: 'locked', path: '', search: '?start=locked', see: 'locked-passphrase' },
  {
    name: 'person', path: 'today', see: 'now',
    then: async (page) => {
      await page.getByTestId('rail-user').click()
      await page.getByTestId('sign-out').waitFor()
    },
  },
  {
    name: 'signed-out', path: 'today', see: 'now',
    then: async (page) => {
      await page.getByTestId('rail-user').click()
      await page.getByTestId('sign-out').click()
      await page.getByTestId('signed-out').waitFor()
    },
  },
  { name: 'today', path: 'today', see: 'now' },
  { name: 'jobs', path: 'jobs', see: 'job-row-J-20817' },
  { name: 'job', path: 'jobs/job-j-20817', see: 'job-complete' },
  { name: 'equipment-list', path: 'equipment', see: 'equipment-row' },
  { name: 'equipment', path: 'equipment/eq-ridgeway-rtu-2', see: 'plate-components.belt_size' },
  {
    name: 'inspection', path: inspect, see: 'reading-relief',
    then: async (page) => {
      await page.getByTestId('record-relief').click()
      await page.getByTestId('deficiency-drawer').waitFor()
    },
  },
  { name: 'inspection-findings', path: inspect, see: 'reading-relief' },
  {
    name: 'specs', path: 'specs', see: 'specs-input',
    then: async (page) => {
      await page.getByTestId('specs-input').fill('oo9 m2')
      await page.getByText('Read as').waitFor()
      await page.getByTestId('spec-sheet').waitFor()
    },
  },
  { name: 'sync', path: 'sync', see: 'conflict-card' },
  { name: 'sync-sending', path: 'sync', search: '?sync=sending', see: 'conflict-card' },
  { name: 'sync-photos', path: 'sync', search: '?sync=photos', see: 'photo-progress' },
  { name: 'gaps', path: 'gaps', search: '?user=manager&sync=clear', see: 'gaps-percentage' },
  { name: 'gap-records', path: 'gaps/records?category=backflow_preventer&field=installation_date', search: '?user=manager&sync=clear', see: 'drill-row' },
  { name: 'first-sync', path: 'today', search: '?sync=first', see: 'first-sync' },
  {
    name: 'palette', path: 'jobs/job-j-20817', see: 'job-complete',
    then: async (page) => {
      await page.keyboard.press('Control+k')
      await page.getByTestId('palette-input').fill('e14')
      await page.getByRole('option', { name: /E-14/ }).first().waitFor()
    },
  },
  {
    name: 'display', path: 'today', see: 'now',
    then: async (page) => {
      await page.getByTestId('rail-display').click()
      await page.getByTestId('display-panel').waitFor()
    },
  },
  {
    name: 'keys', path: inspect, see: 'reading-relief',
    then: async (page) => {
      await page.getByTestId('reading-line_pressure').focus()
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'All keys' }).waitFor()
    },
  },
]

export async function settle(page: Page) {
  await page.waitForFunction(() => [...document.images].every((image) => image.complete || image.loading === 'lazy'))
  await page.waitForTimeout(250)
}
