// What to run on a device, once, to introduce it. The key goes through a file: a command line can be
// read by every program on the computer.

export type System = 'windows' | 'macos' | 'linux';

export function commands(system: System, server: string, key: string): string {
  const url = server.replace(/\/$/, '');
  const file = `server_url = "${url}"\nenrolment_key = "${key}"`;
  switch (system) {
    case 'windows':
      return [
        '# PowerShell, as administrator',
        'New-Item -Force -ItemType Directory "$env:ProgramData\\Deskbell" | Out-Null',
        `@'\n${file}\n'@ | Set-Content -Encoding utf8 "$env:ProgramData\\Deskbell\\agent.toml"`,
      ].join('\n');
    case 'macos':
      return [
        'sudo mkdir -p "/Library/Application Support/Deskbell"',
        `sudo tee "/Library/Application Support/Deskbell/agent.toml" >/dev/null <<'EOF'\n${file}\nEOF`,
      ].join('\n');
    case 'linux':
      return ['sudo mkdir -p /etc/deskbell', `sudo tee /etc/deskbell/agent.toml >/dev/null <<'EOF'\n${file}\nEOF`].join('\n');
  }
}
