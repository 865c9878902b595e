; What is taken off the device. What people wrote stays, unless /PURGE_USER_DATA=1 says otherwise.

Function un.onInit
  SetRegView 64
  ${GetParameters} $Arguments
  !insertmacro Language
  !insertmacro MULTIUSER_UNINIT
FunctionEnd

Section "un.Deskbell"
  SetRegView 64
  ; Outside of the folder that goes: a program keeps the folder that it was started in.
  SetOutPath "$TEMP"
  ExecWait '"$INSTDIR\deskbell.exe" installation close --folder "$INSTDIR"'
  ${Option} PURGE_USER_DATA $0
  ${If} $0 == "1"
    ${If} $MultiUser.InstallMode == "AllUsers"
      ExecWait '"$INSTDIR\deskbell.exe" installation purge --everyone'
    ${Else}
      ExecWait '"$INSTDIR\deskbell.exe" installation purge'
    ${EndIf}
  ${EndIf}

  Delete "$SMPROGRAMS\Deskbell.lnk"
  Delete "$DESKTOP\Deskbell.lnk"
  DeleteRegValue SHCTX "${RUN_KEY}" "Deskbell"
  DeleteRegKey SHCTX "SOFTWARE\Classes\deskbell"
  DeleteRegKey SHCTX "SOFTWARE\Classes\AppUserModelId\${IDENTIFIER}"
  DeleteRegKey SHCTX "${UNINSTALL_KEY}"
  DeleteRegKey SHCTX "${PRODUCT_KEY}"

  Delete "$INSTDIR\deskbell.exe"
  Delete "$INSTDIR\WebView2Loader.dll"
  Delete "$INSTDIR\LICENSE-APACHE"
  Delete "$INSTDIR\LICENSE-MIT"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
SectionEnd
