//! Cuts the power at every boundary of what was recorded, and looks at what is left.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use anyhow::{Context, Result, bail, ensure};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    disk::{Disk, Image},
    witness::Event,
};
use crate::prove::{Found, Kind, Order};

/// What a program asked of its disk while it worked, and what it had promised after each event.
#[derive(Debug)]
pub(super) struct Recording<P> {
    pub(super) name: &'static str,
    pub(super) root: PathBuf,
    pub(super) events: Vec<(u32, Event)>,
    pub(super) promised: Vec<Arc<P>>,
}

/// A broken promise.
pub(in crate::prove) type Broken = (Kind, String);

/// Disks that may be left, each with what must be on it.
struct Left<P> {
    image: Image,
    promised: Arc<P>,
    /// Where the power went, so that it can go there again.
    place: String,
}

const AT_ONCE: usize = 2;

impl<P: Send + Sync> Recording<P> {
    /// The witness has seen everything: what it makes of the disk is what lies there.
    pub(super) fn is_whole(&self, folder: &Path) -> Result<()> {
        let mut disk = Disk::new(&self.root);
        for (process, event) in &self.events {
            disk.apply(*process, event)?;
        }
        ensure!(disk.flushes > 0, "the {} flushed nothing at all, or the witness is blind", self.name);
        let present = disk.present();
        for path in crate::server::files(folder)? {
            let seen = present.get(&path).with_context(|| format!("{} was not seen", path.display()))?;
            let same = seen.as_deref().is_some_and(|seen| fs::read(&path).is_ok_and(|bytes| bytes == seen));
            ensure!(same || is_memory(&path), "{} is not what was seen", path.display());
        }
        Ok(())
    }

    /// Each boundary with what was flushed alone, then all of them with parts of the rest, until there are `least`.
    /// `check` opens a folder with the product's own code.
    pub(super) fn cut<C>(&self, order: Order, least: u64, check: C) -> Result<Found>
    where
        C: AsyncFn(&Path, &P) -> Result<Vec<Broken>> + Sync,
    {
        let found = Mutex::new(Found::default());
        let failed = Mutex::new(None);
        let (sender, receiver) = sync_channel(AT_ONCE);
        let receiver = Mutex::new(receiver);
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    if let Err(error) = look(&self.root, &receiver, &check, &found) {
                        // The other one ends where nobody sends any more.
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                });
            }
            self.send(order, least, sender, &found, &failed)
        })?;
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "those who look end when the sender is gone")]
    fn send(
        &self,
        order: Order,
        least: u64,
        sender: SyncSender<Left<P>>,
        found: &Mutex<Found>,
        failed: &Mutex<Option<anyhow::Error>>,
    ) -> Result<()> {
        let done = |enough: &dyn Fn(&Found) -> bool| {
            failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
                || enough(&found.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let mut sent = 0;
        for round in 0.. {
            let (mut disk, mut promised) = (Disk::new(&self.root), None);
            for (number, (process, event)) in self.events.iter().enumerate() {
                let changed = disk.apply(*process, event)?;
                let now = &self.promised[number];
                let more = promised.is_none_or(|before| !Arc::ptr_eq(before, now));
                promised = Some(now);
                let worth = if round == 0 { more || is_flush(event) } else { changed || more };
                if !worth {
                    continue;
                }
                if done(&|found| order.quick && !found.violations.is_empty()) {
                    return Ok(());
                }
                let seed = order.seed ^ (round << 32) ^ number as u64;
                let image = match round {
                    0 => disk.strict(),
                    _ => disk.torn(&mut StdRng::seed_from_u64(seed)),
                };
                let kept = if round == 0 { "what was flushed".to_owned() } else { format!("parts, seed {seed}") };
                let place =
                    format!("{}, the power went after event {number} ({}), {kept} is left", self.name, event.brief());
                if sender.send(Left { image, promised: Arc::clone(now), place }).is_err() {
                    bail!("those who look have ended");
                }
                sent += 1;
            }
            // A round that has begun goes to its end: the last boundaries are torn as often as the first ones.
            if round > 0 && (order.quick || !order.more(sent, least)) {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn is_flush(event: &Event) -> bool {
    matches!(event, Event::Flushed { .. })
}

/// Shared memory of the processes that use a database: it means nothing to the next one.
fn is_memory(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "db-shm")
}

fn look<P, C>(root: &Path, queue: &Mutex<Receiver<Left<P>>>, check: &C, found: &Mutex<Found>) -> Result<()>
where
    C: AsyncFn(&Path, &P) -> Result<Vec<Broken>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Left { image, promised, place }) = next else { return Ok(()) };
        let folder = scratch()?;
        lay_out(&image, root, folder.path())?;
        let looked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(check(folder.path(), &promised))));
        let broken = looked.unwrap_or_else(|_| Ok(vec![(Kind::Crashed, "a panic".to_owned())]))?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.runs += 1;
        for (kind, what) in broken {
            found.violation(kind, format!("{place}: {what}"));
        }
    }
}

/// A folder in memory where there is such a place: what is flushed there costs nothing.
pub(in crate::prove) fn scratch() -> Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn lay_out(image: &Image, root: &Path, folder: &Path) -> Result<()> {
    for (path, bytes) in image.iter().filter(|(path, _)| !is_memory(path)) {
        let path = folder.join(path.strip_prefix(root)?);
        match bytes {
            Some(bytes) => fs::write(path, bytes)?,
            None => fs::create_dir_all(path)?,
        }
    }
    Ok(())
}
