import type { Environment } from 'vitest/runtime'

/** Plain Node, but compiled as for the window: state classes are tested with the runtime they run with. */
export default {
  name: 'window-without-document',
  viteEnvironment: 'client',
  setup: () => ({ teardown: () => undefined }),
} satisfies Environment
