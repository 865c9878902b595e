//! Signed packages, and packages that are made once more.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    device::Device,
    packages::{FIRST, SECOND, msi, package, setup_exe},
};

fn run(program: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program).args(words).output().with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{program} {words:?}: {said}");
    Ok(said)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A certificate of the test's own, for two days.
fn certificate(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let how = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Deskbell test"];
    let what = ["-addext", "extendedKeyUsage=codeSigning", "-keyout", text(&key), "-out", text(&certificate)];
    run("openssl", &[&how[..], &what].concat())?;
    Ok((certificate, key))
}

fn verify(certificate: &Path, file: &Path) -> Result<()> {
    run("osslsigncode", &["verify", "-CAfile", text(certificate), "-in", text(file)]).map(drop)
}

#[tokio::test]
async fn everything_that_windows_runs_is_signed_with_the_certificate_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (certificate, key) = certificate(folder.path()).unwrap();
    package(&out, &["--only", "setup,msi", "--sign-with", text(&certificate), "--key", text(&key)]).unwrap();
    let named = |path: PathBuf| out.join(path.file_name().unwrap());
    let (setup, msi_file) = (named(setup_exe(FIRST)), named(msi(FIRST)));
    verify(&certificate, &setup).unwrap();
    verify(&certificate, &msi_file).unwrap();
    assert!(verify(&certificate, &setup_exe(FIRST)).is_err(), "without a certificate nothing is signed");

    let device = Device::new().await.unwrap();
    assert_eq!(device.run(&setup, &["/S", "/START_AGENT=0"]).await.unwrap().code, 0);
    for name in ["deskbell.exe", "uninstall.exe"] {
        verify(&certificate, &device.program_files().join(name)).unwrap();
    }
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    run("msiextract", &["--directory", text(&other), text(&msi_file)]).unwrap();
    let signed = fs::read(device.program_files().join("deskbell.exe")).unwrap();
    let found = find(&other, "deskbell.exe").unwrap().expect("the program is in the msi");
    assert!(fs::read(found).unwrap() == signed, "both packages hold the same signed program");
}

#[test]
fn the_same_programs_make_the_same_packages_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), &["--only", "setup,msi", "--as-version", SECOND]).unwrap();
    for file in [setup_exe(SECOND), msi(SECOND)] {
        let again = folder.path().join(file.file_name().unwrap());
        assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "{} differs", file.display());
    }
    let sums = fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 2, "{sums}");
    let check = Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(folder.path()).status();
    assert!(check.unwrap().success());
}

fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name)? {
                return Ok(Some(found));
            }
        } else if path.ends_with(name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
