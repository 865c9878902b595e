#!/bin/sh
# Makes Deskbell.pkg from a signed Deskbell.app. Runs on macOS; it has not been run yet.
#   pkg.sh FOLDER/Deskbell.app VERSION OUT ["Developer ID Installer: Example (TEAMID)"]
# The layout that pkgbuild packs comes from root.sh, which is tested on Linux.
set -eu
app=$1
version=$2
out=$3
signer=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/root.sh" "$app" "$work/root"
pkgbuild --root "$work/root" --component-plist "$here/components.plist" --scripts "$here/scripts" \
    --identifier org.deskbell.agent --version "$version" --install-location / --ownership recommended \
    "$work/agent.pkg"
productbuild --package "$work/agent.pkg" --version "$version" --identifier org.deskbell.agent.installer \
    "$work/Deskbell.pkg"
if [ -n "$signer" ]; then
    productsign --sign "$signer" "$work/Deskbell.pkg" "$out"
else
    cp "$work/Deskbell.pkg" "$out"
fi
