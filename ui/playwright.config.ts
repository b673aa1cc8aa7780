import { createServer } from 'node:net'
import { defineConfig } from '@playwright/test'

/** A port nobody has: on a fixed one, two runs at a time would look at each other's pages. */
const freePort = () =>
  new Promise<string>((found, failed) => {
    const probe = createServer().once('error', failed)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address && typeof address === 'object' ? found(String(address.port)) : failed(new Error('no port'))))
    })
  })

// The workers read this file again, and inherit the port.
const port = (process.env.E2E_PORT ??= await freePort())
const site = `http://127.0.0.1:${port}`

export default defineConfig({
  testDir: './e2e',
  outputDir: './test-results/playwright',
  fullyParallel: true,
  workers: 2,
  reporter: [['list']],
  use: {
    baseURL: site,
    viewport: { width: 1366, height: 768 },
    locale: 'en-US',
    timezoneId: 'America/New_York',
    colorScheme: 'light',
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
  webServer: {
    command: `npx vite preview --mode memory --port ${port}`,
    url: site,
    reuseExistingServer: false,
  },
  projects: [
    { name: 'flows', testMatch: /.*\.spec\.ts/ },
    { name: 'screens', testMatch: 'screens.ts' },
  ],
})
