//! A script by which the system finds its proxies. We run none, so that a diagnosis has to name it.

/// Where the script lies, where the system has one.
#[cfg(windows)]
pub(crate) fn of_system() -> Option<String> {
    let key = windows_registry::CURRENT_USER.open(r"Software\Microsoft\Windows\CurrentVersion\Internet Settings");
    key.and_then(|key| key.get_string("AutoConfigURL")).ok().filter(|script| !script.is_empty())
}

/// Linux leaves it to each desktop, and macOS to calls that only a few programs make.
#[cfg(not(windows))]
pub(crate) fn of_system() -> Option<String> {
    None
}
