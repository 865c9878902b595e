/* Random bytes as Windows gives them, out of what wine has. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    while (count) {
        ULONG piece = count > 0x10000 ? 0x10000 : (ULONG)count;
        if (!SystemFunction036(bytes, piece))
            return FALSE;
        bytes += piece;
        count -= piece;
    }
    return TRUE;
}
