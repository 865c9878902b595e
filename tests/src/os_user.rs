//! People of this computer: users of the operating system, made for a test and removed after it.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::process;

/// One user. Removed when it is dropped; its processes have to be gone by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub id: u32,
}

/// A [`Person`] that this test made.
#[derive(Debug)]
pub struct OsUser(Person);

impl OsUser {
    /// Makes a user whose home will be `home`; the folder itself is the caller's.
    pub async fn make(name: &str, home: &Path) -> Result<Self> {
        // The process id keeps two runs on one computer apart.
        let name = format!("deskbell-{name}-{}", std::process::id());
        let mut command = process::command("useradd");
        command.args(["--user-group", "--no-create-home", "--shell", "/bin/sh", "--home-dir"]).arg(home).arg(&name);
        process::run(command).await?;
        let mut person = Self(Person { name, id: 0 });
        let mut command = process::command("id");
        command.args(["-u", &person.0.name]);
        person.0.id = String::from_utf8(process::run(command).await?)?.trim().parse()?;
        ensure!(person.0.id != 0, "a new user is not root");
        Ok(person)
    }

    #[must_use]
    pub fn person(&self) -> &Person {
        &self.0
    }
}

impl Drop for OsUser {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("userdel");
        let removed = command.args(["--force", &self.0.name]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !removed.is_ok_and(|status| status.success()) {
            eprintln!("the user {} could not be removed", self.0.name);
        }
    }
}

impl Person {
    /// A command that runs as this user, with this user's groups and nothing of root's. It ends with
    /// its parent, as one of [`process::command`] does: the kernel forgets that wish when the user
    /// changes, so it is made after that.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = process::command("setpriv");
        let id = self.id.to_string();
        command.args(["--reuid", &id, "--regid", &self.name, "--init-groups", "--inh-caps=-all"]);
        command.args(["--", "setpriv", "--pdeathsig", "TERM", "--"]).arg(program);
        command
    }

    /// Makes what lies at `path` this user's.
    pub fn own(&self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.id), Some(self.id))
            .with_context(|| format!("{} cannot be given to {}", path.display(), self.name))
    }
}
