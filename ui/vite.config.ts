import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// One build for each of the two programs that embed pages: the agent (addresses relative to its
// own scheme) and the server (addresses from its root).
export default defineConfig(({ mode }) => {
  const page = mode === 'agent' ? 'agent' : 'console';
  const testing = mode === 'test';
  return {
    root: testing ? '.' : page,
    base: page === 'agent' ? './' : '/',
    plugins: [svelte({ configFile: testing ? 'svelte.config.js' : '../svelte.config.js' })],
    build: {
      outDir: `../dist/${page}`,
      emptyOutDir: true,
      // What the policy of the pages forbids: an inline font or picture would be a data: address.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
    test: { include: ['tests/**/*.test.ts'], setupFiles: ['tests/setup.ts'] },
  };
});
