; setup.exe: for every user of the device (Program Files, HKLM), or with /CURRENTUSER for one alone.
;   setup.exe /S /SERVER_URL=https://… /ENROLMENT_KEY=DB-…     see docs/deploy/
; `cargo xtask dist` gives VERSION, VERSION_FULL, STAGE (a folder with what is installed), ICON, TEXTS,
; OUTPUT and COMPRESSION.

Unicode true
Target amd64-unicode
SetCompressor /SOLID ${COMPRESSION}
SetDateSave off ; the same files make the same setup.exe
ManifestDPIAware true
OutFile "${OUTPUT}"
!ifdef SIGN_UNINSTALLER
  !uninstfinalize 'sh "${SIGN_UNINSTALLER}" "%1"'
!endif
Name "Deskbell"
BrandingText "Deskbell ${VERSION}"

!define PRODUCT_KEY "SOFTWARE\Deskbell"
!define INSTALLATION_KEY "SOFTWARE\Deskbell\Installation"
!define UNINSTALL_KEY "SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\Deskbell"
!define RUN_KEY "SOFTWARE\Microsoft\Windows\CurrentVersion\Run"
!define IDENTIFIER "org.deskbell.agent"

; What setup.exe answers with, beside 0. They are Windows Installer's numbers, which every tool knows.
!define ERROR_INSTALL_FAILURE 1603
!define ERROR_PRODUCT_VERSION 1638
!define ERROR_INVALID_COMMAND_LINE 1639
!define ERROR_ELEVATION_REQUIRED 740

!include LogicLib.nsh
!include FileFunc.nsh
!include WordFunc.nsh
!include nsDialogs.nsh

!define MULTIUSER_EXECUTIONLEVEL Highest
!define MULTIUSER_MUI
!define MULTIUSER_USE_PROGRAMFILES64
!define MULTIUSER_INSTALLMODE_COMMANDLINE
!define MULTIUSER_INSTALLMODE_INSTDIR "Deskbell"
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_KEY "${INSTALLATION_KEY}"
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_VALUENAME "kind"
!define MULTIUSER_INIT_TEXT_ALLUSERSNOTPOSSIBLE "$(setup_needs_administrator)"
!include MultiUser.nsh
!include MUI2.nsh

VIProductVersion "${VERSION_FULL}"
VIAddVersionKey /LANG=0 "ProductName" "Deskbell"
VIAddVersionKey /LANG=0 "FileDescription" "Deskbell"
VIAddVersionKey /LANG=0 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "CompanyName" "Deskbell"
VIAddVersionKey /LANG=0 "LegalCopyright" "The Deskbell contributors"

Var Arguments
Var ServerUrl
Var EnrolmentKey
Var ServerField
Var KeyField

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "sidebar.bmp"
!define MUI_ABORTWARNING
!define MUI_WELCOMEPAGE_TEXT "$(setup_welcome)"
!define MUI_FINISHPAGE_TEXT "$(setup_done)"
!define MUI_PAGE_CUSTOMFUNCTION_SHOW AtTheTop
!insertmacro MUI_PAGE_WELCOME
!insertmacro MULTIUSER_PAGE_INSTALLMODE
Page custom ServerPage ServerPageLeave
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH

!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES

!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "French"
!include /CHARSET=UTF8 "${TEXTS}"

!include "options.nsh"
!include /CHARSET=UTF8 "decide.nsh"
!include /CHARSET=UTF8 "install.nsh"
!include /CHARSET=UTF8 "remove.nsh"
