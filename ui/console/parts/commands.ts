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
        "$key = 'HKLM:\\SOFTWARE\\Deskbell'",
        'if (!(Test-Path $key)) { New-Item $key | Out-Null }',
        `$settings = @'\n${file}\n'@ | ConvertFrom-StringData`,
        `foreach ($name in $settings.Keys) { Set-ItemProperty $key $name $settings[$name].Trim('"') }`,
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
