; The installer for Windows: for all users, with an entry in the machine's Path. `/S` asks nothing,
; `/D=C:\folder` at the end of the line names another folder. Removal leaves stores and settings.

Unicode true
Target amd64-unicode
!include LogicLib.nsh
!include WinMessages.nsh
!include x64.nsh

Name "fleetsweep ${VERSION}"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\fleetsweep"
RequestExecutionLevel admin
ManifestSupportedOS all
SetCompressor /SOLID lzma
; The files of one release are of one moment, whenever they were made.
SetDateSave off
ShowInstDetails show

VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName fleetsweep
VIAddVersionKey FileDescription "Installs fleetsweep"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey LegalCopyright "MIT OR Apache-2.0"

LicenseData "${FILES}\LICENSE-MIT.txt"
Page license
Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

!define REMOVAL "Software\Microsoft\Windows\CurrentVersion\Uninstall\fleetsweep"
!define ENVIRONMENT "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
; HKEY_LOCAL_MACHINE; REG_SZ and REG_EXPAND_SZ, variables in it left as they are.
!define MACHINE -2147483646
!define AS_WRITTEN 0x10000006

; The machine's Path may be longer than a string of NSIS, which would cut it off. So it is read into
; memory of its own, changed there and written back with its own type.
; Leaves the memory in $0 (0 if there is no Path), its type in $1.
!macro ReadPath
    StrCpy $0 0
    System::Call 'advapi32::RegGetValueW(p ${MACHINE}, w "${ENVIRONMENT}", w "Path", i ${AS_WRITTEN}, *i .r1, p 0, *i 0 r2) i .r3'
    ${If} $3 = 0
        IntOp $2 $2 + 4096
        System::Alloc $2
        Pop $0
        System::Call 'advapi32::RegGetValueW(p ${MACHINE}, w "${ENVIRONMENT}", w "Path", i ${AS_WRITTEN}, *i .r1, p r0, *i r2 r2) i .r3'
        ${If} $3 <> 0
            System::Free $0
            StrCpy $0 0
        ${EndIf}
    ${EndIf}
    ${If} $0 = 0
        DetailPrint "The machine's Path cannot be read, and stays as it is."
    ${EndIf}
!macroend

; Writes it back, frees it, and tells the programs that run.
!macro WritePath
    System::Call 'kernel32::lstrlenW(p r0) i .r2'
    IntOp $2 $2 * 2
    IntOp $2 $2 + 2
    System::Call 'advapi32::RegSetKeyValueW(p ${MACHINE}, w "${ENVIRONMENT}", w "Path", i r1, p r0, i r2) i .r3'
    ${If} $3 <> 0
        DetailPrint "The machine's Path cannot be written, and stays as it is."
    ${EndIf}
    SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=5000
!macroend

; Leaves in $4 where ";$INSTDIR" stands as a whole entry in the Path at $0, or 0.
!macro FindInPath
    StrLen $6 ";$INSTDIR"
    IntOp $6 $6 * 2
    StrCpy $4 $0
    ${Do}
        System::Call 'shlwapi::StrStrIW(p r4, w ";$INSTDIR") p .r4'
        ${If} $4 P= 0
            ${ExitDo}
        ${EndIf}
        IntPtrOp $5 $4 + $6
        System::Call '*$5(&i2 .r7)'
        ${If} $7 = 0
        ${OrIf} $7 = 59 ; a semicolon
            ${ExitDo}
        ${EndIf}
        StrCpy $4 $5
    ${Loop}
!macroend

Section
    SetRegView 64
    SetOutPath "$INSTDIR"
    ClearErrors
    File /r "${FILES}\*.*"
    ${If} ${Errors}
        SetErrorLevel 2
        Abort "fleetsweep.exe is in use: stop it, and start the installer again."
    ${EndIf}
    WriteUninstaller "$INSTDIR\uninstall.exe"
    WriteRegStr HKLM "${REMOVAL}" DisplayName fleetsweep
    WriteRegStr HKLM "${REMOVAL}" DisplayVersion "${VERSION}"
    WriteRegStr HKLM "${REMOVAL}" InstallLocation "$INSTDIR"
    WriteRegStr HKLM "${REMOVAL}" UninstallString '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKLM "${REMOVAL}" QuietUninstallString '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD HKLM "${REMOVAL}" NoModify 1
    WriteRegDWORD HKLM "${REMOVAL}" NoRepair 1
    !insertmacro ReadPath
    ${If} $0 <> 0
        !insertmacro FindInPath
        ${If} $4 P= 0
            System::Call 'kernel32::lstrcatW(p r0, w ";$INSTDIR")'
            !insertmacro WritePath
        ${EndIf}
        System::Free $0
    ${EndIf}
SectionEnd

Section Uninstall
    SetRegView 64
    Delete "$INSTDIR\fleetsweep.exe"
    Delete "$INSTDIR\completions.ps1"
    Delete "$INSTDIR\README.md"
    Delete "$INSTDIR\CHANGELOG.md"
    Delete "$INSTDIR\LICENSE-MIT.txt"
    Delete "$INSTDIR\LICENSE-APACHE.txt"
    Delete "$INSTDIR\licences.txt"
    Delete "$INSTDIR\examples\portal-export-250.csv"
    RMDir "$INSTDIR\examples"
    Delete "$INSTDIR\uninstall.exe"
    ; Only if nobody put anything else there.
    RMDir "$INSTDIR"
    DeleteRegKey HKLM "${REMOVAL}"
    !insertmacro ReadPath
    ${If} $0 <> 0
        !insertmacro FindInPath
        ${If} $4 P<> 0
            IntPtrOp $5 $4 + $6
            System::Call 'kernel32::lstrlenW(p r5) i .r7'
            IntOp $7 $7 * 2
            IntOp $7 $7 + 2
            System::Call 'ntdll::RtlMoveMemory(p r4, p r5, i r7)'
            !insertmacro WritePath
        ${EndIf}
        System::Free $0
    ${EndIf}
    DetailPrint "Stores and settings stay: they are in %LOCALAPPDATA%\fleetsweep and %ProgramData%\fleetsweep."
SectionEnd
