; Options of the form /NAME=value. NSIS's own GetOptions ends a value at the next slash, and an address has two.

; ${Option} NAME VARIABLE: the value, or nothing. A value with spaces stands in quotes.
!define Option "!insertmacro Option"
!macro Option NAME VARIABLE
  Push "/${NAME}="
  !ifdef __UNINSTALL__
    Call un.Option
  !else
    Call Option
  !endif
  Pop ${VARIABLE}
!macroend

!macro OptionFunction PREFIX
Function ${PREFIX}Option
  Exch $0 ; the name, with its slash and its sign; at the end the value
  Push $1 ; its length
  Push $2 ; where we look
  Push $3 ; what is there
  Push $4 ; what ends the value
  StrLen $1 $0
  StrCpy $2 0
  ${Do}
    StrCpy $3 $Arguments $1 $2
    ${If} $3 == ""
      StrCpy $0 ""
      ${ExitDo}
    ${EndIf}
    ${If} $3 == $0
      IntOp $2 $2 + $1
      StrCpy $4 " "
      StrCpy $3 $Arguments 1 $2
      ${If} $3 == '"'
        StrCpy $4 '"'
        IntOp $2 $2 + 1
      ${EndIf}
      StrCpy $0 ""
      ${Do}
        StrCpy $3 $Arguments 1 $2
        ${If} $3 == ""
        ${OrIf} $3 == $4
        ${OrIf} $3 == '"'
          ${ExitDo}
        ${EndIf}
        StrCpy $0 "$0$3"
        IntOp $2 $2 + 1
      ${Loop}
      ${ExitDo}
    ${EndIf}
    IntOp $2 $2 + 1
  ${Loop}
  Pop $4
  Pop $3
  Pop $2
  Pop $1
  Exch $0
FunctionEnd
!macroend
!insertmacro OptionFunction ""
!insertmacro OptionFunction "un."
