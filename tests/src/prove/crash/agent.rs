//! The real agent without a screen, read line by line as it speaks.

use std::{os::unix::process::ExitStatusExt, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin},
    sync::mpsc,
};

use crate::headless::Headless;

/// What answers an order.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Value),
    Refused,
    /// Its process ended before it said anything.
    Died,
}

#[derive(Debug)]
pub(super) struct Agent {
    program: Headless,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    lines: mpsc::UnboundedReceiver<Value>,
    /// Orders that were given, and those of them that were answered: each is, in their order.
    given: u64,
    answered: u64,
    /// How it said last that it stands.
    status: Value,
}

/// How long an order may take on a busy machine.
const ORDER: Duration = Duration::from_secs(20);

impl Agent {
    pub(super) fn new(program: Headless) -> Self {
        Self { program, running: None }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.program.data()
    }

    pub(super) fn log(&self) -> PathBuf {
        self.program.log()
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let mut command = self.program.command()?;
        std::fs::create_dir_all(self.data())?;
        let log = std::fs::File::options().create(true).append(true).open(self.log())?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let input = child.stdin.take().context("no input")?;
        let mut said = BufReader::new(child.stdout.take().context("no output")?).lines();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                // A line that a kill cut off was not said.
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        self.running = Some(Running { child, input, lines, given: 0, answered: 0, status: Value::Null });
        Ok(())
    }

    /// An order, without waiting for what it does. One that has ended says so by [`Agent::next`].
    pub(super) async fn order(&mut self, order: &Value) {
        if let Some(running) = &mut self.running {
            running.given += 1;
            running.input.write_all(format!("{order}\n").as_bytes()).await.ok();
        }
    }

    /// What it says next; nothing where it has ended. Pending where it does not run.
    pub(super) async fn next(&mut self) -> Option<Value> {
        match &mut self.running {
            Some(running) => {
                let line = running.lines.recv().await?;
                if ["done", "refused", "unreadable"].iter().any(|word| line.get(word).is_some()) {
                    running.answered += 1;
                }
                if let Some(status) = line.get("status") {
                    running.status = status.clone();
                }
                Some(line)
            }
            None => std::future::pending().await,
        }
    }

    /// How it said last that it stands, since it was started.
    pub(super) fn status(&self) -> &Value {
        self.running.as_ref().map_or(&Value::Null, |running| &running.status)
    }

    /// Gives an order and waits until it is carried out.
    pub(super) async fn ask(&mut self, order: &Value) -> Result<Answer> {
        self.order(order).await;
        let waiting = async {
            while let Some(mut line) = self.next().await {
                if line.get("unreadable").is_some() {
                    bail!("an order is not understood: {line}");
                }
                if self.running.as_ref().is_some_and(|running| running.answered < running.given) {
                    continue;
                }
                if let Some(done) = line.get_mut("done") {
                    return Ok(Answer::Done(done.take()));
                }
                if line.get("refused").is_some() {
                    return Ok(Answer::Refused);
                }
            }
            Ok(Answer::Died)
        };
        tokio::time::timeout(ORDER, waiting).await.with_context(|| format!("no answer to {order}"))?
    }

    /// Waits for the end of one that has closed its output: the signal that ended it.
    pub(super) async fn signal(&mut self) -> Result<Option<i32>> {
        let mut running = self.running.take().context("the agent does not run")?;
        let status = tokio::time::timeout(ORDER, running.child.wait()).await.context("it does not end")??;
        Ok(status.signal())
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(mut running) => Ok(running.child.kill().await?),
            None => Ok(()),
        }
    }
}
