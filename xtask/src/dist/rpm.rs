//! The package for Fedora, Red Hat, SUSE and their relatives, by `rpmbuild`.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Plan, files, linux};
use crate::shell::{self, command};

pub(super) fn make(plan: &Plan, programs: &Path) -> Result<PathBuf> {
    let (root, work) = (plan.stages.join("rpm"), plan.stages.join("rpmbuild"));
    linux::lay_out(plan, programs, &root)?;
    files::empty(&work)?;
    let spec = work.join("deskbell.spec");
    fs::write(&spec, describe(plan, &root)?)?;
    let architecture = std::env::consts::ARCH;
    let mut build = command(&["rpmbuild", "-bb", "--quiet", "--target", architecture]);
    let definitions = [
        ("_topdir", work.display().to_string()),
        ("_rpmfilename", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm".to_owned()),
        // What would otherwise differ from one build of the same files to the next.
        ("_buildhost", "localhost".to_owned()),
        ("use_source_date_epoch_as_buildtime", "1".to_owned()),
        ("clamp_mtime_to_source_date_epoch", "1".to_owned()),
        ("source_date_epoch_from_changelog", "0".to_owned()),
        ("_build_id_links", "none".to_owned()),
        // The files are laid out as they shall be; nothing is stripped or packed once more.
        ("__os_install_post", "%{nil}".to_owned()),
        ("debug_package", "%{nil}".to_owned()),
        ("_binary_payload", if plan.debug { "w1.gzdio" } else { "w6.xzdio" }.to_owned()),
    ];
    for (name, value) in definitions {
        build.args(["--define", &format!("{name} {value}")]);
    }
    build.arg(&spec).env("SOURCE_DATE_EPOCH", plan.epoch.to_string());
    shell::run(build)?;
    let name = format!("deskbell-{}-1.{architecture}.rpm", plan.version);
    let file = plan.out.join(&name);
    fs::copy(work.join("RPMS").join(&name), &file).with_context(|| format!("rpmbuild made no {name}"))?;
    Ok(file)
}

/// The libraries that the program needs are read off it by `rpmbuild` itself, by their own names, which
/// are the same in every distribution. The one for the tray is loaded while it runs.
fn describe(plan: &Plan, root: &Path) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "Name: deskbell\nVersion: {}\nRelease: 1\nSummary: {}", plan.version, linux::SUMMARY)?;
    writeln!(text, "License: Apache-2.0 OR MIT\nGroup: Applications/Productivity")?;
    writeln!(text, "Recommends: libayatana-appindicator3.so.1()(64bit)\nRecommends: gnome-keyring")?;
    writeln!(text, "\n%description\n{}", linux::DESCRIPTION.join("\n"))?;
    writeln!(text, "\n%install\ncp -a '{}/.' '%{{buildroot}}'", root.display())?;
    writeln!(text, "\n%files\n%defattr(-,root,root,-)\n%dir /etc/deskbell")?;
    writeln!(text, "%dir /usr/share/doc/deskbell")?;
    for path in files::list(root)? {
        let path = format!("/{}", path.strip_prefix(root)?.display());
        let kind = match path.as_str() {
            path if linux::SETTINGS.contains(&path) => "%config(noreplace) ",
            path if path.ends_with(".1.gz") => "%doc ",
            path if path.contains("/LICENSE-") => "%license ",
            _ => "",
        };
        writeln!(text, "{kind}{path}")?;
    }
    Ok(text)
}
