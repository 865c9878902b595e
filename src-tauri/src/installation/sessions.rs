//! Starting the agent as the people who are signed in, each in their session.

use std::{io, os::windows::ffi::OsStrExt, path::Path, process::Command, ptr};

use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE},
    System::{
        Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock},
        RemoteDesktop::{
            WTS_CURRENT_SERVER_HANDLE, WTS_SESSION_INFOW, WTSEnumerateSessionsW, WTSFreeMemory, WTSQueryUserToken,
        },
        Threading::{CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, PROCESS_INFORMATION, STARTUPINFOW},
    },
};

/// The system may act for each of them. An administrator may not, and asks the own desktop to start it:
/// without the administrator's rights, and in that session alone.
pub(super) fn start(program: &Path) -> io::Result<()> {
    if sessions().into_iter().filter(|session| start_in(*session, program).is_ok()).count() == 0 {
        Command::new("explorer.exe").arg(program).spawn()?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the calls have no safe form; the list is read in its bounds and given back")]
fn sessions() -> Vec<u32> {
    let mut list: *mut WTS_SESSION_INFOW = ptr::null_mut();
    let mut count = 0;
    // SAFETY: both places outlive the call. On success the list holds `count` entries until it is freed.
    unsafe {
        if WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &raw mut list, &raw mut count) == 0 || list.is_null()
        {
            return Vec::new();
        }
        let sessions = std::slice::from_raw_parts(list, count as usize).iter().map(|one| one.SessionId).collect();
        WTSFreeMemory(list.cast());
        sessions
    }
}

/// Fails where nobody is signed in, and where we are not the system.
#[expect(unsafe_code, reason = "the calls have no safe form; every handle and block is given back")]
fn start_in(session: u32, program: &Path) -> io::Result<()> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the place outlives the call.
    if unsafe { WTSQueryUserToken(session, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let started = start_as(token, program);
    // SAFETY: the token is ours, and not used again.
    unsafe { CloseHandle(token) };
    started
}

#[expect(unsafe_code, reason = "the calls have no safe form; every handle and block is given back")]
fn start_as(token: HANDLE, program: &Path) -> io::Result<()> {
    let wide = |text: &std::ffi::OsStr| text.encode_wide().chain([0]).collect::<Vec<u16>>();
    let application = wide(program.as_os_str());
    let mut line = wide(format!("\"{}\" start", program.display()).as_ref());
    let mut desktop = wide(r"winsta0\default".as_ref());
    let mut environment = ptr::null_mut();
    // SAFETY: every pointer leads to a value that outlives the calls; texts end with a zero; all-zero is a
    // valid value of both structures. What we are given is given back.
    unsafe {
        if CreateEnvironmentBlock(&raw mut environment, token, 0) == 0 {
            return Err(io::Error::last_os_error());
        }
        let mut how: STARTUPINFOW = std::mem::zeroed();
        how.cb = size_of::<STARTUPINFOW>() as u32;
        how.lpDesktop = desktop.as_mut_ptr();
        let mut process: PROCESS_INFORMATION = std::mem::zeroed();
        let started = CreateProcessAsUserW(
            token,
            application.as_ptr(),
            line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            0,
            CREATE_UNICODE_ENVIRONMENT,
            environment,
            ptr::null(),
            &raw const how,
            &raw mut process,
        );
        let error = io::Error::last_os_error();
        DestroyEnvironmentBlock(environment);
        if started == 0 {
            return Err(error);
        }
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    Ok(())
}
