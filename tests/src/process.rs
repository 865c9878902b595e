//! Child processes that never outlive the test that started them.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
};

/// How long a program may take to say that it is ready, on a busy machine.
pub const START: Duration = Duration::from_secs(30);

/// How long a program that works and ends may take there: `dpkg` or `tar` over a program's debug build.
const END: Duration = Duration::from_secs(180);

/// One running program. Its output goes to a log file and can be waited for, line by line.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: watch::Receiver<String>,
    log: PathBuf,
}

/// A command that ends with its parent, however the parent ends: `setpriv` asks the kernel for a
/// signal at the death of the thread that started it. Tests therefore run on one thread. Other
/// systems have no such thing; there it ends where its [`Process`] is dropped.
#[must_use]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    #[cfg(target_os = "linux")]
    let mut command = {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        command
    };
    #[cfg(not(target_os = "linux"))]
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command
}

impl Process {
    /// Starts a command of [`command`]; `log` receives what it says.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        Self::start_with_input(name, &mut command, log, None)
    }

    /// The same, with a text on the standard input that ends there.
    pub fn start_with_input(name: &str, command: &mut Command, log: &Path, input: Option<&str>) -> Result<Self> {
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut process = Self::spawn(name, command.stdin(stdin), log)?;
        if let (Some(text), Some(mut pipe)) = (input.map(str::to_owned), process.child.stdin.take()) {
            tokio::spawn(async move { pipe.write_all(text.as_bytes()).await });
        }
        Ok(process)
    }

    fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (sender, output) = watch::channel(String::new());
        let file = File::options().create(true).append(true).open(log).context("cannot open the log")?;
        follow(child.stdout.take(), sender.clone(), file.try_clone()?);
        follow(child.stderr.take(), sender, file);
        Ok(Self { name: name.to_owned(), child, output, log: log.to_owned() })
    }

    /// The same, with a standard input that stays open.
    pub fn start_to_talk(name: &str, mut command: Command, log: &Path) -> Result<(Self, ChildStdin)> {
        let mut process = Self::spawn(name, command.stdin(Stdio::piped()), log)?;
        let input = process.child.stdin.take().context("its input was just opened")?;
        Ok((process, input))
    }

    /// Waits until the output so far holds what `find` looks for.
    pub async fn said<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let name = self.name.clone();
        let waiting = async {
            loop {
                if let Some(found) = find(&self.output.borrow_and_update()) {
                    return Ok(found);
                }
                if self.output.changed().await.is_err() {
                    bail!("{name} ended before it said {what}; see {}", self.log.display());
                }
            }
        };
        tokio::time::timeout(START, waiting).await.with_context(|| format!("{name} never said {what}"))?
    }

    #[must_use]
    pub fn output(&self) -> String {
        self.output.borrow().clone()
    }

    /// The process id, or `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end.
    pub async fn ended(&mut self) {
        self.child.wait().await.ok();
    }

    /// Waits for the end, and says how it was.
    pub async fn status(&mut self) -> Result<std::process::ExitStatus> {
        self.child.wait().await.with_context(|| format!("cannot wait for {}", self.name))
    }

    /// SIGKILL, and waits for the end: no handler of the program runs.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))
    }

    /// SIGKILL by the hand of `tests/shim/disk.c`, which the program has to have with it: between two of its records.
    #[cfg(target_os = "linux")]
    pub async fn kill_by_witness(mut self) -> Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        use std::os::unix::process::ExitStatusExt;
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("it has ended before")?;
        kill_process(id, Signal::USR1).with_context(|| format!("cannot signal {}", self.name))?;
        let status = tokio::time::timeout(START, self.child.wait()).await.context("its witness does not kill it")??;
        anyhow::ensure!(status.signal() == Some(Signal::KILL.as_raw()), "{} ended with {status}", self.name);
        Ok(())
    }

    /// Asks for an orderly end, insists after ten seconds, and tells whether it had to.
    pub async fn stop(mut self) -> Result<()> {
        self.ask_to_end()?;
        match tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await {
            Ok(ended) => ended.map(drop).context("cannot wait for the end"),
            Err(_) => {
                self.child.kill().await?;
                bail!("{} did not end within ten seconds of being asked", self.name)
            }
        }
    }

    #[cfg(unix)]
    fn ask_to_end(&mut self) -> Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return Ok(()) };
        kill_process(pid, Signal::TERM).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Windows has no signal that asks.
    #[cfg(not(unix))]
    fn ask_to_end(&mut self) -> Result<()> {
        self.child.start_kill().with_context(|| format!("cannot end {}", self.name))
    }
}

impl Drop for Process {
    /// An orderly end first, so that a driver takes its browser along; the runtime's kill follows.
    fn drop(&mut self) {
        if self.ask_to_end().is_err() {
            return;
        }
        for _ in 0..40 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}

fn follow(pipe: Option<impl AsyncRead + Unpin + Send + 'static>, said: watch::Sender<String>, mut log: File) {
    let Some(pipe) = pipe else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            writeln!(log, "{line}").ok();
            said.send_modify(|text| {
                text.push_str(&line);
                text.push('\n');
            });
        }
    });
}

/// A program that no test started: it is asked to end where the test that found it ends.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Found(rustix::process::Pid);

#[cfg(target_os = "linux")]
impl Found {
    #[must_use]
    pub const fn new(id: rustix::process::Pid) -> Self {
        Self(id)
    }

    /// Asks for an orderly end, and waits for it.
    pub async fn stop(self) -> Result<()> {
        rustix::process::kill_process(self.0, rustix::process::Signal::TERM).context("it has ended before")?;
        crate::wait::until("the found program has ended", START, async || {
            Ok(rustix::process::test_kill_process(self.0).is_err().then_some(()))
        })
        .await
    }
}

#[cfg(target_os = "linux")]
impl Drop for Found {
    fn drop(&mut self) {
        // It has ended where this fails.
        let _ = rustix::process::kill_process(self.0, rustix::process::Signal::TERM);
    }
}

/// The processes that run this very file.
#[cfg(target_os = "linux")]
pub fn of_program(program: &Path) -> Result<Vec<rustix::process::Pid>> {
    let runs = |folder: &Path| std::fs::read_link(folder.join("exe")).is_ok_and(|file| file == program);
    let entries = std::fs::read_dir("/proc")?.flatten();
    let found =
        entries.filter(|entry| runs(&entry.path())).filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(found.filter_map(rustix::process::Pid::from_raw).collect())
}

/// Runs a short program to its end and returns what it printed.
pub async fn run(mut command: Command) -> Result<Vec<u8>> {
    let shown = format!("{:?}", command.as_std());
    let running = tokio::time::timeout(END, command.stdin(Stdio::null()).kill_on_drop(true).output());
    let output = running
        .await
        .with_context(|| format!("{shown} does not end"))?
        .with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// A port on the loopback that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
