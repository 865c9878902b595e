#!/bin/sh
# Lays out what the package installs: the app, and its start with every session.
#   root.sh FOLDER/Deskbell.app ROOT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2/Applications" "$2/Library/LaunchAgents"
cp -R "$1" "$2/Applications/"
cp "$here/org.deskbell.agent.plist" "$2/Library/LaunchAgents/"
chmod 644 "$2/Library/LaunchAgents/org.deskbell.agent.plist"
