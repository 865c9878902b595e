/* The settings that come as properties. Windows Installer's own table of registry values would do, if
   nothing of it could reach a log that is asked to say everything: the data of a hidden action does not. */
#include <windows.h>
#include <msi.h>
#include <msiquery.h>

static const WCHAR *const KEY = L"SOFTWARE\\Deskbell";
static const WCHAR *const NAMES[] = {L"server_url", L"enrolment_key"};

static LSTATUS open_settings(HKEY *key) {
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, key, NULL);
}

/* An empty value is none: what was set before stays. */
static BOOL write_value(HKEY key, const WCHAR *name, const WCHAR *value) {
    DWORD bytes = (lstrlenW(value) + 1) * sizeof(WCHAR);
    return *value == 0 || RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)value, bytes) == ERROR_SUCCESS;
}

/* The data is `server_url|enrolment_key`; neither can hold the sign between them. */
__declspec(dllexport) UINT __stdcall WriteSettings(MSIHANDLE install) {
    WCHAR data[4096];
    DWORD length = sizeof data / sizeof data[0];
    WCHAR *second;
    HKEY key;
    BOOL written;
    if (MsiGetPropertyW(install, L"CustomActionData", data, &length) != ERROR_SUCCESS) {
        return ERROR_INSTALL_FAILURE;
    }
    for (second = data; *second != 0 && *second != L'|'; second++) {
    }
    if (*second == 0 || open_settings(&key) != ERROR_SUCCESS) {
        return ERROR_INSTALL_FAILURE;
    }
    *second++ = 0;
    written = write_value(key, NAMES[0], data) && write_value(key, NAMES[1], second);
    RegCloseKey(key);
    SecureZeroMemory(data, sizeof data);
    return written ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}

__declspec(dllexport) UINT __stdcall ForgetSettings(MSIHANDLE install) {
    HKEY key;
    (void)install;
    if (open_settings(&key) == ERROR_SUCCESS) {
        RegDeleteValueW(key, NAMES[0]);
        RegDeleteValueW(key, NAMES[1]);
        RegCloseKey(key);
    }
    return ERROR_SUCCESS;
}
