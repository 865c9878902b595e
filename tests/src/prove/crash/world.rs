//! A helpdesk and an agent that are killed again and again, and what lies between them.

use std::{cell::Cell, path::PathBuf, rc::Rc};

use anyhow::{Context, Result, bail, ensure};
use deskbell_protocol::proof;
use serde_json::json;

use super::{agent::Agent, plan::Side, post::Post};
use crate::{
    api::Api,
    headless::Headless,
    postgres::Postgres,
    prove::line::Line,
    server::{Database, Server},
    wait::{SOON, until},
};

/// Which database the server has.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Sqlite,
    Postgres(Rc<Postgres>),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) name: &'static str,
    pub(super) server: Server,
    pub(super) agent: Agent,
    pub(super) line: Line,
    pub(super) post: Post,
    pub(super) api: Api,
    /// Nothing where it is a file of the server's.
    database: Option<(Rc<Postgres>, String)>,
    orders: [PathBuf; 2],
    /// Where each program writes what it dies of, and how many of these lines were looked at.
    deaths: [(PathBuf, Cell<usize>); 2],
    given: Cell<u64>,
    people: Cell<u64>,
    /// Dropped last.
    folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn open(base: &Base) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("deskbell-crash-").tempdir()?;
        let orders = ["agent.order", "server.order"].map(|name| folder.path().join(name));
        let deaths = ["agent.died", "server.died"].map(|name| (folder.path().join(name), Cell::new(0)));
        let post = Post::start().await?;
        let (name, database) = match base {
            Base::Sqlite => ("sqlite", None),
            Base::Postgres(postgres) => ("postgres", Some((Rc::clone(postgres), postgres.database().await?))),
        };
        let mut server = Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?
            .with_mail(post.port())
            .with_variable(proof::CRASH, format!("@{}", orders[Side::Server as usize].display()))
            .with_variable(proof::CRASHED, deaths[Side::Server as usize].0.display().to_string());
        if let Some((postgres, database)) = &database {
            server = server.with("DATABASE_URL", postgres.url(database));
        }
        server.start().await?;
        let (api, key) = Api::with_client(&mut server, "northwind.example").await?;
        let line = Line::start(&server.url()).await?;
        let mut program = Headless::new(&folder.path().join("agent"), &line.url(), &key);
        program.set(proof::CRASH, &format!("@{}", orders[Side::Agent as usize].display()));
        program.set(proof::CRASHED, &deaths[Side::Agent as usize].0.display().to_string());
        let (agent, given, people) = (Agent::new(program), Cell::new(0), Cell::new(0));
        Ok(Self { name, server, agent, line, post, api, database, orders, deaths, given, people, folder })
    }

    /// A number that nobody was given before.
    pub(super) fn number(&self) -> u64 {
        self.given.set(self.given.get() + 1);
        self.given.get()
    }

    /// Has a program die the next time, or the one after, when it passes a point. Gives the order, which is no
    /// other one's.
    pub(super) fn arm(&self, side: Side, point: &str, pass: u32) -> Result<String> {
        let order = format!("{point}:{pass}:{}", self.number());
        self.write_order(side, &order)?;
        Ok(order)
    }

    /// The order that a program followed when it died now; nothing where it followed none.
    pub(super) fn died_of(&self, side: Side) -> Result<Option<String>> {
        let (file, seen) = &self.deaths[side as usize];
        let lines = if file.exists() { std::fs::read_to_string(file)? } else { String::new() };
        let new = lines.lines().skip(seen.get()).last().map(str::to_owned);
        seen.set(lines.lines().count());
        Ok(new)
    }

    pub(super) fn disarm(&self) -> Result<()> {
        self.write_order(Side::Agent, "")?;
        self.write_order(Side::Server, "")
    }

    /// Nobody reads half an order.
    fn write_order(&self, side: Side, order: &str) -> Result<()> {
        let file = &self.orders[side as usize];
        let new = file.with_extension("new");
        std::fs::write(&new, order)?;
        Ok(std::fs::rename(new, file)?)
    }

    /// SIGKILL by ourselves. One that was about to die of an order has done so now.
    pub(super) async fn kill_agent(&mut self) -> Result<()> {
        self.agent.kill().await?;
        self.died_of(Side::Agent).map(drop)
    }

    /// Overwrites what the queue of an agent that does not run finds its entries by, and none of them; and leaves a file
    /// that no entry names. All of it can be recovered.
    pub(super) fn damage_queue(&self) -> Result<()> {
        let (queue, files) = (self.agent.data().join("deskbell.db"), self.agent.data().join("files"));
        let place = Database::open(&queue)?.pairs(
            "select cast((rootpage - 1) * page_size as text), cast(page_size as text)
             from sqlite_schema, pragma_page_size where name = 'outbox_undelivered'",
            [],
        )?;
        let (at, size) = place.first().context("the queue has no such index")?;
        // What its log holds goes into it.
        Database::change(&queue, "pragma wal_checkpoint(truncate)")?;
        let file = std::fs::File::options().write(true).open(&queue)?;
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xA5; size.parse()?], at.parse()?)?;
        Ok(std::fs::write(files.join("nobodys.part"), "left behind")?)
    }

    /// An agent that nobody knows, which does not run.
    pub(super) async fn forget_agent(&mut self) -> Result<()> {
        self.kill_agent().await?;
        let data = self.agent.data();
        if data.exists() {
            std::fs::remove_dir_all(data)?;
        }
        Ok(())
    }

    /// Somebody whom nobody has asked for a token so far.
    pub(super) fn person(&self) -> String {
        self.people.set(self.people.get() + 1);
        format!("camille{}@northwind.example", self.people.get())
    }

    /// A technician vouches for somebody at the newest installation, where nobody is confirmed: one whose answer was
    /// lost is, and another one in their place would be refused what they wrote.
    pub(super) async fn vouch(&self) -> Result<()> {
        let email = self.person();
        until("somebody is vouched for", SOON, async || {
            let newest = "select id || '|' || coalesce(requester_id, '') from installations order by id desc limit 1";
            let rows = self.rows(newest).await?;
            let [id, person] = rows.first().map(Vec::as_slice).unwrap_or_default() else { bail!("no installation") };
            if !person.is_empty() {
                return Ok(Some(()));
            }
            let person = json!({"name": "Camille Martin", "email": email});
            self.api.post(&format!("/installations/{id}/vouch"), person).await.map(|_| Some(()))
        })
        .await
    }

    /// One column of text, cut at its bars, as every database gives it.
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let text = match &self.database {
            Some((postgres, database)) => postgres.sql_in(database, sql).await?,
            None => Database::look(self.database_file(), sql).await?.join("\n"),
        };
        Ok(text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
    }

    /// Lets the time of leases and pauses pass, while the server is down.
    pub(super) async fn time_passes(&self) -> Result<()> {
        let sql = "update jobs set leased_until = 0, run_at = 0 where done_at is null and failed_at is null";
        match &self.database {
            Some((postgres, database)) => postgres.sql_in(database, sql).await.map(drop),
            None => Database::change(&self.database_file(), sql),
        }
    }

    fn database_file(&self) -> PathBuf {
        self.server.folder().join("deskbell.db")
    }

    /// What the JSON in a column says under a key, in the words of this world's database.
    pub(super) fn json(&self, column: &str, key: &str) -> String {
        let cast = if self.database.is_some() { "::json" } else { "" };
        format!("({column}{cast} ->> '{key}')")
    }

    /// The bytes of a file, as the server keeps them.
    pub(super) fn stored(&self, id: &str) -> Result<Vec<u8>> {
        ensure!(id.len() > 2, "{id} is no id");
        let path = self.server.folder().join("attachments/files").join(&id[id.len() - 2..]).join(id);
        std::fs::read(&path).with_context(|| path.display().to_string())
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Lines of either log that tell of a defect.
    pub(super) fn panics(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let kept = self.agent.data();
        let mut logs = vec![self.folder.path().join("server.log"), self.agent.log()];
        logs.extend(
            crate::server::files(&kept)?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "log")),
        );
        for log in logs {
            let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
            found.extend(text.lines().filter(|line| line.contains("panicked at")).map(str::to_owned));
        }
        Ok(found)
    }
}
