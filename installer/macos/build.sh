#!/bin/sh
# Lays out Deskbell.app from a program that was built for macOS.
#   build.sh PROGRAM VERSION FOLDER
# One program for both processors: lipo -create -output deskbell deskbell-arm64 deskbell-x86_64
# The layout is tested on Linux; no such app has been started yet.
set -eu
program=$1
version=$2
app=$3/Deskbell.app
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$app"
mkdir -p "$app/Contents/MacOS" "$app/Contents/Resources"
sed "s/@VERSION@/$version/g" "$here/Info.plist" > "$app/Contents/Info.plist"
printf 'APPL????' > "$app/Contents/PkgInfo"
cp "$program" "$app/Contents/MacOS/deskbell"
chmod 755 "$app/Contents/MacOS/deskbell"
cp "$here/../../src-tauri/icons/icon.icns" "$app/Contents/Resources/deskbell.icns"
for language in en fr; do
    mkdir "$app/Contents/Resources/$language.lproj"
    cp "$here/$language.lproj/InfoPlist.strings" "$app/Contents/Resources/$language.lproj/"
done
cp "$here/../../LICENSE-APACHE" "$here/../../LICENSE-MIT" "$app/Contents/Resources/"
echo "$app"
