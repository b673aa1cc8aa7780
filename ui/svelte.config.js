import { vitePreprocess } from '@sveltejs/vite-plugin-svelte'

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // Elements are created one by one instead of through `innerHTML`.
    fragments: 'tree',
  },
  vitePlugin: {
    // Libraries that are not written with runes keep their own mode.
    dynamicCompileOptions: ({ filename }) => (filename.includes('node_modules') ? { runes: undefined } : undefined),
  },
}
