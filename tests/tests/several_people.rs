//! Several people at one device: two users of one computer, signed in at the same time, each with an
//! agent that is nobody else's.

#![cfg(target_os = "linux")]

use std::{os::unix::fs::PermissionsExt, path::Path, rc::Rc};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    agent::Agent,
    apart,
    api::Api,
    desktop::{Desktop, KeyRing},
    mail::{self, MailServer},
    os_user::{OsUser, Person},
    process,
    server::{Server, program},
    tray_host::TrayHost,
    wait::{SOON, until},
};
use serde_json::Value;

const DOMAIN: &str = "northwind.example";
const NEW_TICKET: &str = "New ticket";

#[tokio::test]
async fn two_people_at_one_computer_have_an_agent_each() {
    if !apart::here("two_people_at_one_computer_have_an_agent_each").unwrap() {
        return;
    }
    play().await.unwrap();
}

/// One person, signed in.
struct Seat {
    agent: Agent,
    tray: TrayHost,
    desktop: Rc<Desktop>,
    person: Person,
    email: String,
}

async fn play() -> Result<()> {
    // What the product does not protect itself is open: the file system's rights are the usual ones.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o022));
    let folder = tempfile::tempdir()?;
    open_to_all(folder.path(), 0o755)?;
    let mut mail = MailServer::start(&folder.path().join("mailbox"), &folder.path().join("smtp.log")).await?;
    let mut server =
        Server::new(&folder.path().join("server"), &folder.path().join("server.log"))?.with_mail(mail.port());
    server.start().await?;
    let (api, key) = Api::with_client(&mut server, DOMAIN).await?;
    let installed = install(folder.path(), &server.url(), &key)?;

    let users = [
        OsUser::make("ines", &folder.path().join("ines/home")).await?,
        OsUser::make("omar", &folder.path().join("omar/home")).await?,
    ];
    // One has a key ring and one has none, so that both places of a key are looked at.
    let mut ines = Seat::take(folder.path(), "ines", users[0].person(), KeyRing::Open, &installed).await?;
    let mut omar = Seat::take(folder.path(), "omar", users[1].person(), KeyRing::Absent, &installed).await?;
    for seat in [&mut ines, &mut omar] {
        seat.agent.start().await?;
        seat.tray.wait_for(&["Waiting for confirmation"], SOON).await?;
    }
    two_installations_of_one_device(&server, &api).await?;
    each_confirms_alone(&mut ines, &omar, &mail).await?;
    each_confirms_alone(&mut omar, &ines, &mail).await?;
    the_key_opens_the_window_of_whose_keyboard_it_was(&ines, &omar).await?;
    the_key_opens_the_window_of_whose_keyboard_it_was(&omar, &ines).await?;
    each_has_a_queue(&mut ines, &mut omar, &mut server).await?;
    neither_reads_the_other(&ines, &omar).await?;
    neither_reads_the_other(&omar, &ines).await?;
    a_second_start_finds_its_own(&ines, &omar).await?;
    a_second_start_finds_its_own(&omar, &ines).await?;
    one_device_with_two_people(&api, &ines, &omar).await?;

    for seat in [&mut ines, &mut omar] {
        seat.agent.stop().await?;
    }
    server.stop().await?;
    mail.stop().await
}

impl Seat {
    async fn take(folder: &Path, name: &str, person: &Person, keys: KeyRing, installed: &Path) -> Result<Self> {
        let own = folder.join(name);
        std::fs::create_dir(&own)?;
        let desktop = Rc::new(Desktop::start_as(&own, Some(person), keys).await?);
        let tray = TrayHost::start(&desktop).await?;
        let mut agent = Agent::installed(&desktop, &installed.join("deskbell"));
        agent.set("DESKBELL_CONFIG", &installed.join("agent.toml").display().to_string());
        Ok(Self { agent, tray, desktop, person: person.clone(), email: format!("{name}@{DOMAIN}") })
    }

    /// What this user's shell prints, or why it fails.
    async fn shell(&self, script: &str) -> Result<String> {
        let mut command = self.desktop.command("sh");
        command.args(["-c", script]);
        Ok(String::from_utf8_lossy(&process::run(command).await?).trim().to_owned())
    }
}

/// One program and one file of settings for everybody at this computer, where everybody can read them.
fn install(folder: &Path, server_url: &str, key: &str) -> Result<std::path::PathBuf> {
    let place = folder.join("installed");
    std::fs::create_dir(&place)?;
    std::fs::copy(program("deskbell")?, place.join("deskbell"))?;
    open_to_all(&place.join("deskbell"), 0o755)?;
    let settings = format!("server_url = {server_url:?}\nenrolment_key = {key:?}\nlanguage = \"en\"\n");
    std::fs::write(place.join("agent.toml"), settings)?;
    Ok(place)
}

fn open_to_all(path: &Path, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

async fn two_installations_of_one_device(server: &Server, api: &Api) -> Result<()> {
    let database = server.database()?;
    ensure!(database.count("select count(*) from devices", [])? == 1, "two users of one computer are one device");
    let keys = database.count("select count(distinct public_key) from installations", [])?;
    ensure!(keys == 2, "each user's installation has a key of its own; there are {keys}");
    let listed = api.get("/devices").await?;
    ensure!(listed["total"] == 1, "the console lists {listed}");
    Ok(())
}

/// One proves an address; the other one's bell goes on waiting, or stays as it was.
async fn each_confirms_alone(seat: &mut Seat, other: &Seat, mail: &MailServer) -> Result<()> {
    let before = other.tray.menu().await?;
    seat.tray.click(&["Personal settings"]).await?;
    let page = seat.agent.window("settings").await?;
    page.fill("#full-name", "A Person").await?;
    page.fill("#email", &seat.email).await?;
    page.click("#send-token").await?;
    let sent = mail.wait(&seat.email, "the token", SOON, |mail| mail::token(&mail.text).is_some()).await?;
    page.fill("#token", &mail::token(&sent.text).context("a token")?).await?;
    page.click("#save").await?;
    page.wait_text("body", SOON, |text| text.contains("Confirmed")).await?;
    seat.desktop.focus("Personal settings").await?;
    seat.desktop.press(&["Escape"]).await?;
    ensure!(other.tray.menu().await? == before, "the other one's bell says what it said");
    Ok(())
}

async fn the_key_opens_the_window_of_whose_keyboard_it_was(seat: &Seat, other: &Seat) -> Result<()> {
    ensure!(seat.desktop.visible(NEW_TICKET).await?.is_empty(), "no window is open yet");
    let others = other.desktop.visible(NEW_TICKET).await?.len();
    seat.desktop.press(&["ctrl+F12"]).await?;
    until("the key opens the window", SOON, async || {
        Ok((seat.desktop.visible(NEW_TICKET).await?.len() == 1).then_some(()))
    })
    .await?;
    ensure!(other.desktop.visible(NEW_TICKET).await?.len() == others, "the other one's key was not pressed");
    Ok(())
}

/// With the server away each keeps a ticket, in a queue of its own; each arrives once, from who wrote it.
async fn each_has_a_queue(ines: &mut Seat, omar: &mut Seat, server: &mut Server) -> Result<()> {
    server.kill().await?;
    for seat in [&mut *ines, &mut *omar] {
        let subject = format!("From {}", seat.email);
        let page = seat.agent.window("new-ticket").await?;
        page.fill("#subject", &subject).await?;
        page.click("#send").await?;
        page.wait_text("#result", SOON, |text| text.contains("aved on this PC")).await?;
        seat.tray.wait_for(&["1 item saved on this PC"], SOON).await?;
        let waiting = seat.agent.database()?.count("select count(*) from outbox", [])?;
        ensure!(waiting == 1, "{subject}: its queue holds {waiting}");
    }
    server.start().await?;
    let sql = "select t.subject, r.email from tickets t join requesters r on r.id = t.requester_id order by r.email";
    let expected: Vec<_> = [ines, omar].map(|seat| (format!("From {}", seat.email), seat.email.clone())).into();
    until("both tickets arrive", SOON * 2, async || {
        let found = server.database()?.pairs(sql, [])?;
        if found == expected { Ok(Some(())) } else { anyhow::bail!("{found:?}") }
    })
    .await
}

/// Everything that the other one's agent and key ring wrote, tried by this user: the file system says no.
async fn neither_reads_the_other(seat: &Seat, other: &Seat) -> Result<()> {
    let folder = other.desktop.folder();
    let script = "find \"$1\" -type f -readable 2>/dev/null || true";
    let find = async |as_whom: &Seat| -> Result<String> {
        let mut command = as_whom.desktop.command("sh");
        command.args(["-c", script, "sh"]).arg(folder);
        Ok(String::from_utf8(process::run(command).await?)?)
    };
    let (own, foreign) = (find(other).await?, find(seat).await?);
    for name in ["deskbell/deskbell.db", "deskbell/agent.log", "deskbell/agent.lock", "deskbell/status.json"] {
        ensure!(own.contains(name), "{name} is where its owner reads it: {own}");
    }
    let secret =
        |path: &&str| ["deskbell", "keyring", "device.key", "tray-icon"].iter().any(|word| path.contains(word));
    let read: Vec<&str> = foreign.lines().filter(|path| !path.contains("/logs/")).filter(secret).collect();
    ensure!(read.is_empty(), "{} reads {}'s {read:#?}", seat.person.name, other.person.name);
    let start = format!(
        "DESKBELL_DATA_DIR={} {} headless </dev/null",
        other.agent.data().display(),
        seat.agent.program().display()
    );
    let refused = seat.shell(&start).await.err().context("an agent started on another user's folder")?;
    ensure!(format!("{refused:#}").contains("not permitted"), "it says why: {refused:#}");
    let ask = |bus: &Path| {
        format!(
            "DBUS_SESSION_BUS_ADDRESS=unix:path={} dbus-send --session --print-reply --dest=org.freedesktop.DBus \
            / org.freedesktop.DBus.ListNames",
            bus.display()
        )
    };
    ensure!(seat.shell(&ask(&seat.desktop.folder().join("run/bus"))).await?.contains("deskbell"), "its own is asked");
    ensure!(seat.shell(&ask(&folder.join("run/bus"))).await.is_err(), "another user's session bus is not");
    Ok(())
}

/// The second start of the program speaks to the first one of the same user, and then ends.
async fn a_second_start_finds_its_own(seat: &Seat, other: &Seat) -> Result<()> {
    seat.agent.run(&["tickets"]).await?;
    until("My tickets opens", SOON, async || Ok((seat.desktop.visible("My tickets").await?.len() == 1).then_some(())))
        .await?;
    let status: Value = serde_json::from_str(&seat.agent.run(&["status", "--json"]).await?)?;
    let email = &status["status"]["state"]["confirmation"]["email"];
    ensure!(*email == seat.email.as_str(), "the status is its own: {status}");
    ensure!(other.desktop.visible("My tickets").await?.is_empty(), "nothing opens on the other one's desktop");
    seat.desktop.focus("My tickets").await?;
    until("it is closed again", SOON, async || {
        if seat.desktop.visible("My tickets").await?.is_empty() {
            return Ok(Some(()));
        }
        // A page that is being loaded hears no key yet; a person would press again.
        seat.desktop.press(&["Escape"]).await.map(|()| None)
    })
    .await
}

async fn one_device_with_two_people(api: &Api, ines: &Seat, omar: &Seat) -> Result<()> {
    let listed = api.get("/devices").await?;
    ensure!(listed["total"] == 1, "the console lists one device: {listed}");
    let id = listed["devices"][0]["id"].as_str().context("a device without id")?;
    let device = api.get(&format!("/devices/{id}")).await?;
    let installations = device["installations"].as_array().context("no installations")?;
    ensure!(installations.len() == 2, "{device}");
    for seat in [ines, omar] {
        let own = installations.iter().find(|one| one["os_user"] == seat.person.name.as_str());
        let own = own.with_context(|| format!("{} is not in {device}", seat.person.name))?;
        ensure!(own["person"]["email"] == seat.email.as_str() && own["online"] == true, "{own}");
        ensure!(own["hotkey"] == "registered", "{own}");
    }
    ensure!(installations[0]["key_fingerprint"] != installations[1]["key_fingerprint"], "two keys: {device}");
    Ok(())
}
