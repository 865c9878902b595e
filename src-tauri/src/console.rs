//! The console that the command line prints to.

/// A Windows program without a console window has no standard output of its own; the console it was
/// started from has. Elsewhere there is nothing to do.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the call has no safe form; it takes a constant and touches nothing of ours")]
pub(crate) fn attach() {
    use windows_sys::Win32::System::Console::{ATTACH_PARENT_PROCESS, AttachConsole};

    // SAFETY: no memory is passed. It fails where the parent has no console, and then nobody reads.
    unsafe {
        AttachConsole(ATTACH_PARENT_PROCESS);
    }
}

#[cfg(not(windows))]
pub(crate) fn attach() {}
