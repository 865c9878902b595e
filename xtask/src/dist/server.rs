//! What somebody who runs the server takes home: one archive, and a container file that uses it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Plan, files};
use crate::shell::{self, command};

/// From the repository to the archive.
const FILES: &[(&str, &str)] = &[
    ("installer/linux/deskbell-server.service", "deskbell-server.service"),
    ("installer/server/server.toml", "server.toml"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("CHANGELOG.md", "CHANGELOG.md"),
];

pub(super) fn make(plan: &Plan, programs: &Path) -> Result<Vec<PathBuf>> {
    let name = format!("deskbell-server-{}-linux-{}", plan.version, std::env::consts::ARCH);
    let stage = plan.stages.join(&name);
    fs::create_dir_all(stage.join("docs"))?;
    for (from, to) in FILES {
        fs::copy(shell::root().join(from), stage.join(to)).with_context(|| format!("{from} is missing"))?;
    }
    for page in
        files::list(&shell::root().join("docs"))?.iter().filter(|page| page.extension().is_some_and(|e| e == "md"))
    {
        let below = page.strip_prefix(shell::root())?;
        fs::create_dir_all(stage.join(below).parent().unwrap_or(&stage))?;
        fs::copy(page, stage.join(below))?;
    }
    let program = stage.join("deskbell-server");
    let mut strip = command(&["strip", "-o"]);
    strip.arg(&program).arg(programs.join("deskbell-server"));
    shell::run(strip)?;

    let archive = plan.out.join(format!("{name}.tar.gz"));
    pack(plan, &name, &archive)?;
    let container = plan.out.join("deskbell-server.Containerfile");
    let text = fs::read_to_string(shell::root().join("installer/server/Containerfile"))?;
    fs::write(&container, text.replace("@ARCHIVE@", &format!("{name}.tar.gz")).replace("@FOLDER@", &name))?;
    Ok(vec![archive, container])
}

/// The same files make the same archive: in one order, of one time, owned by nobody in particular.
fn pack(plan: &Plan, name: &str, archive: &Path) -> Result<()> {
    let mut tar =
        command(&["tar", "--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]);
    tar.args(["--mode=u=rwX,go=rX", "--use-compress-program=gzip --no-name -9"]);
    tar.arg(format!("--mtime=@{}", plan.epoch))
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(&plan.stages)
        .arg(name);
    shell::run(tar)
}
