; What is asked for, whether it can be done, and the page that asks a person.

; SHCTX is HKLM for every user and HKCU for one; see MultiUser.nsh.
!macro Language
  ; A person gets the language of Windows; a test and an administrator may choose.
  ${Option} LANG $0
  ${If} $0 == "fr"
    StrCpy $LANGUAGE ${LANG_FRENCH}
  ${ElseIf} $0 == "en"
    StrCpy $LANGUAGE ${LANG_ENGLISH}
  ${EndIf}
!macroend

; Says why not, where somebody looks, and ends with the number.
!macro Refuse TEXT NUMBER
  SetErrorLevel ${NUMBER}
  MessageBox MB_OK|MB_ICONSTOP "${TEXT}" /SD IDOK
  Abort
!macroend

Function .onInit
  SetRegView 64
  ${GetParameters} $Arguments
  !insertmacro Language
  !insertmacro MULTIUSER_INIT
  ${If} ${Silent}
    Call NeedsRights
  ${EndIf}
  ; Nothing stays nothing, and then what was set before is kept.
  ${Option} SERVER_URL $ServerUrl
  ${Option} ENROLMENT_KEY $EnrolmentKey
  Call AddressIsOne
  ${If} $0 == "no"
    !insertmacro Refuse "$(setup_bad_server_url)" ${ERROR_INVALID_COMMAND_LINE}
  ${EndIf}
  Call OtherInstallation
  Call NotOlder
FunctionEnd

; $0 is "no" where the address is none. An empty one is a matter of policy.
Function AddressIsOne
  StrCpy $0 $ServerUrl 8
  StrCpy $1 $ServerUrl 7
  ${If} $ServerUrl == ""
  ${OrIf} $0 == "https://"
  ${OrIf} $1 == "http://"
    StrCpy $0 "yes"
  ${Else}
    StrCpy $0 "no"
  ${EndIf}
FunctionEnd

; MultiUser falls back to one user where the rights do not reach. Without a person to see that, it is refused.
Function NeedsRights
  ${If} $MultiUser.InstallMode == "CurrentUser"
    ReadRegStr $1 HKCU "${INSTALLATION_KEY}" "kind"
    ClearErrors
    ${GetOptions} $Arguments "/CURRENTUSER" $0
    ${If} ${Errors}
    ${AndIf} $1 == ""
      !insertmacro Refuse "$(setup_needs_administrator)" ${ERROR_ELEVATION_REQUIRED}
    ${EndIf}
  ${EndIf}
FunctionEnd

; One device has one installation: by msi, by setup.exe for everyone, or by setup.exe for one person.
Function OtherInstallation
  ReadRegStr $0 HKLM "${INSTALLATION_KEY}" "kind"
  ${If} $0 == "msi"
    !insertmacro Refuse "$(setup_installed_by_msi)" ${ERROR_PRODUCT_VERSION}
  ${EndIf}
  ${If} $0 == "setup"
  ${AndIf} $MultiUser.InstallMode == "CurrentUser"
    !insertmacro Refuse "$(setup_installed_for_everyone)" ${ERROR_PRODUCT_VERSION}
  ${EndIf}
FunctionEnd

Function NotOlder
  ReadRegStr $0 SHCTX "${INSTALLATION_KEY}" "version"
  ${If} $0 != ""
    ${VersionCompare} "$0" "${VERSION}" $1
    ${If} $1 == 1
      !insertmacro Refuse "$(setup_newer_installed)" ${ERROR_PRODUCT_VERSION}
    ${EndIf}
  ${EndIf}
FunctionEnd

; A window that opens behind the others is not found.
Function AtTheTop
  BringToFront
FunctionEnd

Function ServerPage
  !insertmacro MUI_HEADER_TEXT "$(setup_server_title)" "$(setup_server_subtitle)"
  ; The mode may have been chosen a page ago.
  Call OtherInstallation
  ${If} $ServerUrl == ""
    ReadRegStr $ServerUrl SHCTX "${PRODUCT_KEY}" "server_url"
  ${EndIf}
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 10u "$(setup_server_url)"
  Pop $0
  ${NSD_CreateText} 0 12u 100% 13u "$ServerUrl"
  Pop $ServerField
  ${NSD_CreateLabel} 0 36u 100% 10u "$(setup_enrolment_key)"
  Pop $0
  ${NSD_CreatePassword} 0 48u 100% 13u "$EnrolmentKey"
  Pop $KeyField
  ${NSD_CreateLabel} 0 66u 100% 40u "$(setup_enrolment_key_help)"
  Pop $0
  ${NSD_SetFocus} $ServerField
  nsDialogs::Show
FunctionEnd

Function ServerPageLeave
  ${NSD_GetText} $ServerField $ServerUrl
  ${NSD_GetText} $KeyField $EnrolmentKey
  Call AddressIsOne
  ${If} $0 == "no"
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(setup_bad_server_url)"
    Abort ; the page stays
  ${EndIf}
FunctionEnd
