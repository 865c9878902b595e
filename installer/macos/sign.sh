#!/bin/sh
# Signs Deskbell.app, and notarizes a package. Runs on macOS with Xcode's tools; it has not been run yet.
#   sign.sh app FOLDER/Deskbell.app "Developer ID Application: Example (TEAMID)"
#   sign.sh notarize Deskbell.pkg KEYCHAIN-PROFILE
# The profile is made once, and keeps the password out of this line:
#   xcrun notarytool store-credentials KEYCHAIN-PROFILE --apple-id … --team-id …
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case $1 in
app)
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" --sign "$3" "$2"
    codesign --verify --strict --deep --verbose=2 "$2"
    ;;
notarize)
    xcrun notarytool submit "$2" --keychain-profile "$3" --wait
    xcrun stapler staple "$2"
    spctl --assess --type install --verbose=2 "$2"
    ;;
*)
    echo "sign.sh app|notarize …" >&2
    exit 2
    ;;
esac
