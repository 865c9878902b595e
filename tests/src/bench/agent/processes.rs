//! What a program and all that it started take of this machine.

use std::{
    collections::{HashMap, HashSet},
    fs,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    bench::pss,
    wait::{SOON, until},
};

/// A program, by the id of its first process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree(pub(super) u32);

/// Work since a task began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    pub(super) wake_ups: u64,
    pub(super) nanoseconds: u64,
}

impl Tree {
    /// It, its children, and theirs.
    pub(super) fn processes(self) -> Result<Vec<u32>> {
        let mut parents = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // It may have ended meanwhile.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
            parents.extend(parent.map(|parent| (id, parent)));
        }
        let mut tree = HashSet::from([self.0]);
        while let Some((id, _)) = parents.iter().find(|(id, parent)| tree.contains(parent) && !tree.contains(id)) {
            tree.insert(*id);
        }
        Ok(tree.into_iter().collect())
    }

    /// Megabytes, pages that others share with it counted in part.
    pub(super) fn memory(self) -> Result<f64> {
        let each: Vec<f64> = self.processes()?.into_iter().map(pss::bytes).collect::<Result<_>>()?;
        Ok(each.into_iter().sum::<f64>() / 1024.0 / 1024.0)
    }

    /// What each of its threads has done so far.
    pub(super) fn work(self) -> Result<HashMap<u32, Work>> {
        let mut all = HashMap::new();
        for id in self.processes()? {
            let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else { continue };
            for task in tasks {
                let path = task?.path();
                let (Ok(status), Ok(schedule)) =
                    (fs::read_to_string(path.join("status")), fs::read_to_string(path.join("schedstat")))
                else {
                    continue;
                };
                let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
                let wake_ups = switches.context("no switches")?.trim().parse()?;
                let nanoseconds = schedule.split_whitespace().next().context("no time")?.parse()?;
                let name = path.file_name().and_then(|name| name.to_str()?.parse().ok()).context("no task")?;
                all.insert(name, Work { wake_ups, nanoseconds });
            }
        }
        Ok(all)
    }

    /// What was done since: threads that ended meanwhile are forgotten, new ones count whole.
    pub(super) fn since(self, before: &HashMap<u32, Work>) -> Result<Work> {
        let each = self.work()?.into_iter().map(|(task, now)| {
            let then = before.get(&task).copied().unwrap_or_default();
            (now.wake_ups - then.wake_ups, now.nanoseconds - then.nanoseconds)
        });
        Ok(each.fold(Work::default(), |sum, (wake_ups, nanoseconds)| Work {
            wake_ups: sum.wake_ups + wake_ups,
            nanoseconds: sum.nanoseconds + nanoseconds,
        }))
    }

    /// Waits until it has nothing more to do: less than a hundredth of a processor, twice in a row.
    pub(super) async fn settled(self) -> Result<()> {
        let mut quiet = 0;
        until("it has nothing more to do", 3 * SOON, async || {
            let before = self.work()?;
            let time = Duration::from_millis(500);
            tokio::time::sleep(time).await;
            let busy = self.since(&before)?.nanoseconds as f64 / time.as_nanos() as f64;
            quiet = if busy < 0.01 { quiet + 1 } else { 0 };
            Ok((quiet >= 2).then_some(()))
        })
        .await
    }
}
