; What is put on the device. A second run of the same version is the repair.

Section "Deskbell"
  SetRegView 64
  SetOverwrite on
  ; The new program closes the old one: the old one may be damaged.
  InitPluginsDir
  SetOutPath "$PLUGINSDIR"
  File "${STAGE}\deskbell.exe"
  File "${STAGE}\WebView2Loader.dll"
  ExecWait '"$PLUGINSDIR\deskbell.exe" installation close --folder "$INSTDIR"'

  ClearErrors
  SetOutPath "$INSTDIR"
  File "${STAGE}\deskbell.exe"
  File "${STAGE}\WebView2Loader.dll"
  File "${STAGE}\LICENSE-APACHE"
  File "${STAGE}\LICENSE-MIT"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    SetErrorLevel ${ERROR_INSTALL_FAILURE}
    MessageBox MB_OK|MB_ICONSTOP "$(setup_files_in_use)" /SD IDOK
    Abort
  ${EndIf}
  ; A shortcut starts where its program lies, not where setup's own copy lay.
  SetOutPath "$INSTDIR"

  Call WriteSettings
  Call WriteRegistration
  CreateShortcut "$SMPROGRAMS\Deskbell.lnk" "$INSTDIR\deskbell.exe" "new" "$INSTDIR\deskbell.exe" 0 SW_SHOWNORMAL "" "$(setup_shortcut)"
  CreateShortcut "$DESKTOP\Deskbell.lnk" "$INSTDIR\deskbell.exe" "new" "$INSTDIR\deskbell.exe" 0 SW_SHOWNORMAL "" "$(setup_shortcut)"

  ${Option} START_AGENT $0
  ${If} $0 != "0"
    ExecWait '"$INSTDIR\deskbell.exe" installation start'
  ${EndIf}
SectionEnd

; The names of the settings are the names of the values; docs/configure.md lists them.
Function WriteSettings
  ${If} $ServerUrl != ""
    WriteRegStr SHCTX "${PRODUCT_KEY}" "server_url" "$ServerUrl"
  ${EndIf}
  ${If} $EnrolmentKey != ""
    WriteRegStr SHCTX "${PRODUCT_KEY}" "enrolment_key" "$EnrolmentKey"
  ${EndIf}
FunctionEnd

Function WriteRegistration
  WriteRegStr SHCTX "${INSTALLATION_KEY}" "kind" "setup"
  WriteRegStr SHCTX "${INSTALLATION_KEY}" "version" "${VERSION}"
  WriteRegStr SHCTX "${INSTALLATION_KEY}" "folder" "$INSTDIR"
  WriteRegStr SHCTX "${RUN_KEY}" "Deskbell" '"$INSTDIR\deskbell.exe" start'

  WriteRegStr SHCTX "SOFTWARE\Classes\deskbell" "" "URL:Deskbell"
  WriteRegStr SHCTX "SOFTWARE\Classes\deskbell" "URL Protocol" ""
  WriteRegStr SHCTX "SOFTWARE\Classes\deskbell\DefaultIcon" "" '"$INSTDIR\deskbell.exe",0'
  WriteRegStr SHCTX "SOFTWARE\Classes\deskbell\shell\open\command" "" '"$INSTDIR\deskbell.exe" open "%1"'
  ; Windows shows a notification only of a program that it knows by name.
  WriteRegStr SHCTX "SOFTWARE\Classes\AppUserModelId\${IDENTIFIER}" "DisplayName" "Deskbell"

  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayName" "Deskbell"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayIcon" '"$INSTDIR\deskbell.exe",0'
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "Publisher" "Deskbell"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe" /$MultiUser.InstallMode'
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S /$MultiUser.InstallMode'
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoRepair" 1
FunctionEnd
