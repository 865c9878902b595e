// What the server hands out is compressed once, as well as it can be, and not at every request.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

for (const page of process.argv.slice(2)) {
  const folder = new URL(`dist/${page}/assets/`, import.meta.url);
  for (const name of readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name))) {
    const file = new URL(name, folder);
    writeFileSync(new URL(`${name}.br`, folder), brotliCompressSync(readFileSync(file)));
    rmSync(file);
  }
}
