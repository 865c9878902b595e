//! Where the agent keeps what it writes, and where it looks for what it is told.

use std::path::PathBuf;

const FILE: &str = "agent.toml";

/// Why there is no place to work in: one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

#[derive(Clone, Debug)]
pub struct Folders {
    /// The queue, the files and the log. Its own for every user.
    pub data: PathBuf,
    /// Settings of this computer, the weakest first; on Windows they are in the registry instead. No
    /// variable leads elsewhere: they would be the person's otherwise.
    pub machine_files: Vec<PathBuf>,
    /// The person's own settings.
    pub user_file: Option<PathBuf>,
}

impl Folders {
    /// Those of the signed-in user; `DESKBELL_DATA_DIR` and `DESKBELL_CONFIG` replace their own.
    ///
    /// # Errors
    /// Where the user has no home.
    pub fn of_user() -> Result<Self, ConfigError> {
        let no_home = || ConfigError("this user has no home folder; set DESKBELL_DATA_DIR".to_owned());
        let data = match std::env::var_os("DESKBELL_DATA_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => dirs::data_local_dir().ok_or_else(no_home)?.join(folder_name()),
        };
        let user_file = match std::env::var_os("DESKBELL_CONFIG") {
            Some(file) => Some(PathBuf::from(file)),
            None => dirs::config_dir().map(|folder| folder.join(folder_name()).join(FILE)),
        };
        Ok(Self { data, machine_files: machine_files(), user_file })
    }
}

const fn folder_name() -> &'static str {
    if cfg!(target_os = "linux") { "deskbell" } else { "Deskbell" }
}

/// On macOS what a package or a script put there, then what configuration profiles say.
#[cfg(target_os = "macos")]
fn machine_files() -> Vec<PathBuf> {
    ["/Library/Application Support/Deskbell/agent.toml", "/Library/Managed Preferences/org.deskbell.agent.plist"]
        .map(PathBuf::from)
        .to_vec()
}

/// On Windows every user may make folders where such a file would lie: the registry is used instead.
#[cfg(windows)]
fn machine_files() -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(not(any(windows, target_os = "macos")))]
fn machine_files() -> Vec<PathBuf> {
    vec![PathBuf::from("/etc/deskbell").join(FILE)]
}
