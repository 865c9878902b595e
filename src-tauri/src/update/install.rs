//! Putting an update in the program's place. Tauri's updater verifies and installs it; what differs by
//! system is here.

use std::path::{Path, PathBuf};

use deskbell_protocol::update::UpdateOffer;
use semver::Version;
use tauri::AppHandle;
use tauri_plugin_updater::{Error, Update, UpdaterExt};

use super::keys::Key;

/// Why an update was not installed. The program stays as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Not signed by whom this installation trusts, or signed as something else.
    #[error("it is refused: {0}")]
    Refused(String),
    #[error("it cannot be installed: {0}")]
    Failed(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Minisign(_)
            | Error::Base64(_)
            | Error::SignatureUtf8(_)
            | Error::MissingSignedVersion
            | Error::SignedVersionMismatch { .. } => Self::Refused(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An update whose signature was verified.
pub(crate) struct Verified {
    pub(crate) version: Version,
    update: Update,
    bytes: Vec<u8>,
    /// Elsewhere the updater finds the place by itself.
    #[cfg(target_os = "linux")]
    program: PathBuf,
}

/// Checks that these bytes are what `key` signed, as this very version.
///
/// # Errors
/// Where they are not.
pub(crate) fn verify(
    app: &AppHandle,
    program: &Path,
    key: &Key,
    offer: &UpdateOffer,
    version: Version,
    bytes: Vec<u8>,
) -> Result<Verified, Failure> {
    let place = if cfg!(target_os = "linux") { stage(program) } else { program.to_owned() };
    let updater = app.updater_builder().pubkey(key.encoded()).executable_path(place).build()?;
    // Restored updates have to be signed with the version that they are offered as. The updater has no
    // address to ask and asks none: the bytes came over our own signed connection.
    let update = updater
        .restore_update(manifest(offer))?
        .ok_or_else(|| Failure::Refused(format!("{version} is not newer than what runs")))?;
    update.verify(&bytes)?;
    Ok(Verified {
        version,
        update,
        bytes,
        #[cfg(target_os = "linux")]
        program: program.to_owned(),
    })
}

/// What Tauri's updater reads of a server's answer.
fn manifest(offer: &UpdateOffer) -> serde_json::Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    serde_json::json!({
        "version": offer.version,
        "signature": STANDARD.encode(&offer.signature),
        "url": "https://updates.invalid/",
    })
}

impl Verified {
    /// Installs it. On Windows the installer goes on alone from here, and this program ends.
    ///
    /// # Errors
    /// Where it does not start here, or the disk refuses.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn install(&self) -> Result<(), Failure> {
        self.update.install(&self.bytes).map_err(Failure::from)
    }

    /// Installs it: beside the program, tried out there, and then put in its place in one step, so that
    /// there is a whole program at every moment, whatever is cut off.
    ///
    /// # Errors
    /// Where it does not start here, or the disk refuses.
    #[cfg(target_os = "linux")]
    pub(crate) fn install(&self) -> Result<(), Failure> {
        let installed = self.install_staged();
        if installed.is_err() {
            // It may never have come to be.
            let _ = std::fs::remove_file(stage(&self.program));
        }
        installed
    }

    #[cfg(target_os = "linux")]
    fn install_staged(&self) -> Result<(), Failure> {
        use std::fs::{File, copy, rename};

        let (program, stage) = (&self.program, stage(&self.program));
        // The updater replaces a file, and keeps its rights.
        copy(program, &stage)?;
        self.update.install(&self.bytes)?;
        try_out(&stage, &self.version)?;
        File::open(&stage)?.sync_all()?;
        rename(stage, program)?;
        // Its name is safe where it runs on; a folder that cannot be flushed is no reason to go back.
        let _ = program.parent().map(File::open).transpose()?.map(|folder| folder.sync_all());
        Ok(())
    }
}

/// A program that does not start on this computer, or is another version than it was signed as, would be
/// the last one here.
#[cfg(target_os = "linux")]
fn try_out(program: &Path, version: &Version) -> Result<(), Failure> {
    let output = run(program)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.split_whitespace().last() {
        Some(word) if output.status.success() && word == version.to_string() => Ok(()),
        _ => Err(Failure::Failed(format!("started on trial, it says {:?} ({})", said.trim(), output.status))),
    }
}

/// A thread that starts another program at this moment holds the file for a moment more.
#[cfg(target_os = "linux")]
fn run(program: &Path) -> std::io::Result<std::process::Output> {
    use std::{io::ErrorKind, process, thread, time::Duration};

    let mut tries = 0;
    loop {
        let ran = process::Command::new(program).arg("--version").stdin(process::Stdio::null()).output();
        match ran {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries < 20 => tries += 1,
            ran => return ran,
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Where the successor of a program is put together.
fn stage(program: &Path) -> PathBuf {
    program.with_file_name(".deskbell.update")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_tried_out_before_it_takes_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell");
        for (script, fits) in [
            ("echo deskbell 1.2.3", true),
            ("echo deskbell 1.2.4", false),
            ("echo deskbell 1.2.3; exit 1", false),
            ("exit 0", false),
        ] {
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
            assert_eq!(try_out(&program, &Version::new(1, 2, 3)).is_ok(), fits, "{script}");
        }
        std::fs::write(&program, "no program").unwrap();
        assert!(try_out(&program, &Version::new(1, 2, 3)).is_err(), "one for another kind of computer");
    }
}
