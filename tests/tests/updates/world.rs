//! A server with a folder of updates, and an agent in a place of its own on a private desktop.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    agent::Agent,
    api::Api,
    desktop::Desktop,
    process::{self, Process},
    server::{Server, program},
    tray_host::TrayHost,
    wait::{SOON, until},
};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) agent: Agent,
    pub(crate) server: Server,
    pub(crate) tray: TrayHost,
    api: Option<Api>,
    pub(crate) desktop: Rc<Desktop>,
    folder: tempfile::TempDir,
}

/// Who signs updates: a pair of keys with a password, made as an administrator makes them.
pub(crate) struct Signer {
    folder: PathBuf,
    pub(crate) public: String,
}

const PASSWORD: &str = "a password of the test";

impl World {
    /// The program lies in `place`, below the desktop's folder; `home` is the person's own there.
    pub(crate) async fn new(place: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("deskbell-updates-").tempdir()?;
        let desktop = Rc::new(Desktop::start(folder.path()).await?);
        let tray = TrayHost::start(&desktop).await?;
        // What is asked for shows in the server's log.
        let server =
            Server::new(&folder.path().join("server"), &desktop.log("server"))?.with_log("info,tower_http=debug");
        let bin = folder.path().join(place);
        fs::create_dir_all(&bin)?;
        let installed = bin.join("deskbell");
        fs::copy(program("deskbell")?, &installed)?;
        let mut agent = Agent::installed(&desktop, &installed);
        agent.set("DESKBELL_LANGUAGE", "en");
        agent.set("DESKBELL_SERVER_URL", &server.url());
        // Who wants none at log-on wants it after an update nevertheless.
        agent.set("DESKBELL_AUTOSTART", "off");
        Ok(Self { agent, server, tray, api: None, desktop, folder })
    }

    /// A client and a key that the agent introduces itself with. The server runs.
    pub(crate) async fn prepare(&mut self) -> Result<()> {
        let code = self.server.setup_code().await?;
        let answers = json!({"code": code, "organization": "Harbour IT", "name": "Ada",
            "email": "ada@harbour.example", "password": "correct horse battery", "language": "en"});
        let api = Api::set_up(self.server.http(), &self.server.url(), answers).await?;
        let client = api.post("/clients", json!({"name": "Northwind", "domains": ["northwind.example"]})).await?;
        let keys = format!("/clients/{}/enrolment-keys", client["id"].as_str().context("a client")?);
        let key = api.post(&keys, json!({"name": "Key", "expires_in_days": 7, "max_devices": 3})).await?;
        self.agent.set("DESKBELL_ENROLMENT_KEY", key["secret"].as_str().context("a key")?);
        self.api = Some(api);
        Ok(())
    }

    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().expect("prepared before")
    }

    /// The agent's program as a newer version, in bytes.
    pub(crate) fn newer(&self) -> Result<Vec<u8>> {
        let built = program("../newer/deskbell").context("run `cargo xtask test desktop`, which builds it")?;
        Ok(fs::read(built)?)
    }

    pub(crate) fn older(&self) -> Result<Vec<u8>> {
        Ok(fs::read(program("deskbell")?)?)
    }

    /// A pair of keys without a password, which costs a gigabyte and seconds each time.
    pub(crate) async fn signer(&self, name: &str) -> Result<Signer> {
        self.make_signer(name, "minisign -G -W").await
    }

    /// One as the documentation has it.
    pub(crate) async fn guarded_signer(&self, name: &str) -> Result<Signer> {
        self.make_signer(name, "minisign -G").await
    }

    async fn make_signer(&self, name: &str, command: &str) -> Result<Signer> {
        let folder = self.folder.path().join("signers").join(name);
        fs::create_dir_all(&folder)?;
        self.documented(&folder, "minisign -G", ("minisign -G", command), &[]).await?;
        let public = fs::read_to_string(folder.join("update-keys.pub"))?;
        Ok(Signer { folder, public: public.lines().nth(1).context("a public key")?.to_owned() })
    }

    /// Runs the commands that `docs/operate.md` has for this, as they stand there, but for the folder of
    /// updates and what is exchanged.
    async fn documented(
        &self,
        folder: &Path,
        what: &str,
        (before, after): (&str, &str),
        variables: &[(&str, &str)],
    ) -> Result<()> {
        let pages = include_str!("../../../docs/operate.md").split("```sh\n").skip(1);
        let mut blocks = pages.filter_map(|rest| rest.split("```").next()).filter(|block| block.contains(what));
        let block = blocks.next().with_context(|| format!("docs/operate.md says nothing of {what}"))?;
        let updates = self.server.folder().join("updates").display().to_string();
        let script = block.replace("/var/lib/deskbell/updates", &updates).replace(before, after);
        let script = format!("set -e\n{script}echo done\n");
        let mut command = process::command("sh");
        command.current_dir(folder).arg("-c").arg(script).envs(variables.iter().copied());
        let log = folder.join("minisign.log");
        // Once to sign, twice to make a key; nobody reads it where there is none.
        let typed = format!("{PASSWORD}\n").repeat(2);
        let mut shell = Process::start_with_input("sh", &mut command, &log, Some(&typed))?;
        tokio::time::timeout(SOON * 6, shell.ended()).await.context("the commands do not end")?;
        shell.said("that it is done", |said| said.lines().any(|line| line == "done").then_some(())).await
    }

    /// Whose updates the program takes: the file beside it.
    pub(crate) fn trust(&self, signers: &[&Signer]) -> Result<()> {
        let keys: String = signers.iter().map(|signer| format!("{}\n", signer.public)).collect();
        Ok(fs::write(self.keys(), keys)?)
    }

    pub(crate) fn trusted(&self) -> Result<String> {
        Ok(fs::read_to_string(self.keys())?)
    }

    fn keys(&self) -> PathBuf {
        self.agent.program().with_file_name("update-keys.pub")
    }

    pub(crate) fn beside_the_program(&self) -> Result<Vec<String>> {
        let folder = self.agent.program().parent().context("it lies in a folder")?;
        let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = entries.collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// What the program's file says of itself.
    pub(crate) async fn said_by_program(&self) -> Result<String> {
        Ok(self.agent.run(&["--version"]).await?.trim().to_owned())
    }

    /// Waits until the running agent's status is such a one.
    pub(crate) async fn status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
        until(what, SOON * 2, async || {
            let status = self.agent.status().await?;
            ensure!(holds(&status), "the status is {status}");
            Ok(Some(()))
        })
        .await
    }

    /// As a person closes the window: with a key.
    pub(crate) async fn close_window(&self) -> Result<()> {
        self.desktop.focus("New ticket").await?;
        self.desktop.press(&["Escape"]).await?;
        let closed = async || Ok(self.desktop.visible("New ticket").await?.is_empty().then_some(()));
        until("the window is closed", SOON, closed).await
    }

    /// Waits until the person is told of this.
    pub(crate) async fn problem(&self, code: &str, version: &str) -> Result<()> {
        let told = json!({"code": code, "subject": version});
        self.status(code, |status| status["problems"].as_array().is_some_and(|all| all.contains(&told))).await
    }

    /// Waits for a line of the agent's log.
    pub(crate) async fn logged(&self, text: &str) -> Result<()> {
        until(text, SOON * 2, async || Ok(fs::read_to_string(self.log())?.contains(text).then_some(()))).await
    }

    fn log(&self) -> PathBuf {
        self.agent.data().join("agent.log")
    }

    /// Starts the agent, which looks for updates at once, with an empty log; and the server anew, which
    /// looks into its folder.
    pub(crate) async fn fresh_look(&mut self) -> Result<()> {
        self.server.stop().await?;
        self.server.start().await?;
        fs::remove_file(self.log())?;
        self.agent.start().await
    }

    /// How often the server was asked for an update, or for a file of one.
    pub(crate) fn asked(&self) -> Result<usize> {
        let log = fs::read_to_string(self.desktop.log("server"))?;
        Ok(log.lines().filter(|line| line.contains("/updates/") && line.contains("finished processing")).count())
    }

    pub(crate) fn tickets(&self, subject: &str) -> Result<i64> {
        self.server.database()?.count("select count(*) from tickets where subject = ?1", [subject])
    }

    pub(crate) async fn end(&mut self) -> Result<()> {
        self.agent.stop().await?;
        self.server.stop().await
    }

    /// Where an update of this computer's kind lies.
    pub(crate) fn place(&self, ring: &str, version: &str) -> PathBuf {
        self.server.folder().join("updates").join(ring).join(version).join(platform())
    }
}

impl Signer {
    /// Signs a program as this version, and puts both into the server's folder. `next` is the key that
    /// counts from it on, where it is another one.
    pub(crate) async fn publish(
        &self,
        world: &World,
        ring: &str,
        version: &str,
        program: &[u8],
        next: Option<&Self>,
    ) -> Result<PathBuf> {
        fs::write(self.folder.join("deskbell"), program)?;
        if let Some(next) = next {
            fs::copy(next.folder.join("update-keys.pub"), self.folder.join("next.pub"))?;
        }
        let platform = platform();
        let variables = [("FILE", "deskbell"), ("VERSION", version), ("RING", ring), ("PLATFORM", &platform)];
        let what = if next.is_some() { "keys:" } else { "\"version:$VERSION\"" };
        world.documented(&self.folder, what, ("minisign", "minisign"), &variables).await?;
        Ok(world.place(ring, version))
    }
}

fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Makes a signature claim that it is of this signer's key.
pub(crate) fn rename_key(signature: &Path, signer: &Signer) -> Result<()> {
    use base64::{Engine, engine::general_purpose::STANDARD};

    let text = fs::read_to_string(signature)?;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let (mut bytes, key) = (STANDARD.decode(&lines[1])?, STANDARD.decode(&signer.public)?);
    // Two bytes name the algorithm, and eight the key.
    bytes[2..10].copy_from_slice(&key[2..10]);
    lines[1] = STANDARD.encode(bytes);
    Ok(fs::write(signature, lines.join("\n") + "\n")?)
}
