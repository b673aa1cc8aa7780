import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'
import ts from 'typescript-eslint'
import svelteConfig from './svelte.config.js'

const tauri = { group: ['@tauri-apps/*'], message: 'Only backend/tauri.ts talks to the program behind the window.' }
const source = { group: ['#source', '**/backend/tauri', '**/backend/memory', '**/backend/memory/*'], message: 'Import from backend.' }
const nouns = ['completeness', 'equipment', 'frame', 'inspections', 'jobs', 'palette', 'session', 'specs', 'sync', 'today']
const features = { group: nouns.flatMap((noun) => [`../${noun}/*`, `../../features/${noun}/*`]), message: 'A feature knows shared and backend, never another feature; views put features together.' }
const views = { group: ['**/views/*'], message: 'Views are on top.' }

export default ts.config(
  { ignores: ['dist', 'test-results', 'node_modules', 'src/generated'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
    rules: {
      'svelte/no-at-html-tags': 'error',
      // The window's content policy refuses style attributes; style directives go through the object model.
      'no-restricted-syntax': ['error', { selector: 'SvelteAttribute[key.name="style"]', message: 'A style attribute is refused by the content policy; use a class or a style directive.' }],
      'svelte/no-useless-mustaches': 'off',
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-navigation-without-resolve': 'off',
      'prefer-const': 'off',
    },
  },
  { rules: { '@typescript-eslint/no-dynamic-delete': 'off', 'svelte/prefer-svelte-reactivity': 'off' } },
  { files: ['src/**'], rules: { 'no-restricted-imports': ['error', { patterns: [tauri, source] }] } },
  { files: ['src/backend/**'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['src/shared/**'], rules: { 'no-restricted-imports': ['error', { patterns: [tauri, source, views, { group: ['**/features/**'], message: 'Shared knows no feature.' }] }] } },
  { files: ['src/features/**'], rules: { 'no-restricted-imports': ['error', { patterns: [tauri, source, views, features] }] } },
  { files: ['*.config.ts', '*.config.js', 'e2e/**', 'policy.ts'], languageOptions: { globals: { ...globals.node } } },
)
