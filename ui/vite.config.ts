import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { policy } from './policy.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// `--mode memory` builds the same window on demo data, for design work and for tests in Chromium. The build that ships
// contains neither the demo data nor its pictures.
export default defineConfig(({ mode }) => {
  const memory = mode === 'memory' || mode === 'test'
  return {
    plugins: [svelte()],
    resolve: {
      // The state classes are tested with the runtime of the window, not with that of a server.
      ...(mode === 'test' ? { conditions: ['browser', 'module', 'import', 'default'] } : {}),
      alias: {
        '#source': here(memory ? './src/backend/memory/index.ts' : './src/backend/tauri.ts'),
      },
    },
    publicDir: memory ? 'demo' : false,
    build: {
      outDir: memory ? 'test-results/site' : 'dist',
      emptyOutDir: true,
      target: ['safari16.4', 'chrome120'],
      // A font or picture inlined as `data:` would be refused by the window's content policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    preview: {
      host: '127.0.0.1',
      port: 4178,
      strictPort: true,
      headers: { 'Content-Security-Policy': policy },
    },
    server: { host: '127.0.0.1', port: 4177, strictPort: true },
    test: { include: ['src/**/*.test.ts'], environment: './vitest.environment.ts' },
  }
})
