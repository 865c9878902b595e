//! Authenticode signatures, by osslsigncode.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{self, command};

#[derive(clap::Args)]
pub(super) struct Signing {
    /// Sign deskbell.exe, setup.exe, its uninstaller and the msi with this certificate (PEM, with its chain).
    #[arg(long, value_name = "CERT", requires = "key")]
    sign_with: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, requires = "sign_with")]
    key: Option<PathBuf>,
    /// The time-stamping service's address: a signature with a time outlives its certificate.
    #[arg(long, requires = "sign_with")]
    timestamp: Option<String>,
}

impl Signing {
    /// Signs a file in place; does nothing where no certificate was given.
    pub(super) fn sign(&self, file: &Path) -> Result<()> {
        let Some(words) = self.words() else { return Ok(()) };
        let signed = file.with_extension("signed");
        let mut sign = command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        sign.arg("-in").arg(file).arg("-out").arg(&signed);
        shell::run(sign)?;
        std::fs::rename(&signed, file).with_context(|| format!("cannot replace {}", file.display()))
    }

    /// NSIS writes the uninstaller itself, and runs this script with its name.
    pub(super) fn script(&self) -> Option<String> {
        let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let sign = self.words()?.iter().map(quoted).collect::<Vec<_>>().join(" ");
        Some(format!("set -e\n{sign} -in \"$1\" -out \"$1.signed\"\nmv \"$1.signed\" \"$1\"\n"))
    }

    fn words(&self) -> Option<Vec<String>> {
        let (certificate, key) = (self.sign_with.as_ref()?, self.key.as_ref()?);
        let mut words = vec!["osslsigncode".into(), "sign".into(), "-h".into(), "sha256".into()];
        words.extend(["-n".into(), "Deskbell".into(), "-certs".into(), certificate.display().to_string()]);
        words.extend(["-key".into(), key.display().to_string()]);
        if let Some(service) = &self.timestamp {
            words.extend(["-ts".into(), service.clone()]);
        }
        Some(words)
    }
}
