import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// One build for each page that a program embeds: the agent's (addresses relative to its own scheme),
// the server's console (addresses from its root) and its ticket form (addresses below /portal).
const BASES: Record<string, string> = { agent: './', console: '/', portal: '/portal/' };

export default defineConfig(({ mode }) => {
  const page = mode in BASES ? mode : 'console';
  const testing = mode === 'test';
  return {
    root: testing ? '.' : page,
    base: BASES[page],
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
