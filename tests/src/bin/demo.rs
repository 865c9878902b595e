//! The product on this desktop, prepared so that Ctrl+F12 sends a ticket. Ctrl+C ends it all.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use deskbell_tests::{
    api::Api,
    mail::MailServer,
    mailbox_page,
    process::{self, Process},
    server::{Server, program},
};
use serde_json::json;

const DATA: &str = "target/demo-data";
const EMAIL: &str = "owner@harbour.example";
const DOMAIN: &str = "northwind.example";

// One thread: what it starts ends with it, whatever ends it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let folder = std::env::current_dir()?.join(DATA);
    // Each demo begins at the beginning: the set-up code is printed once.
    std::fs::remove_dir_all(&folder).or_else(|error| if folder.exists() { Err(error) } else { Ok(()) })?;
    std::fs::create_dir_all(&folder)?;

    let mailbox = folder.join("mailbox");
    let mail = MailServer::start(&mailbox, &folder.join("smtp.log")).await?;
    let mails = mailbox_page::serve(mailbox).await?;
    let mut server = Server::new(&folder.join("server"), &folder.join("server.log"))?.with_mail(mail.port());
    server.start().await?;
    let password = password();
    let key = prepare(&mut server, &password).await?;
    let mut agent = start_agent(&folder, &server.url(), &key)?;

    println!("\n  Console   {}", server.url());
    println!("            {EMAIL}  {password}");
    println!("  Mailbox   {mails}");
    println!("  Agent     in the tray of this desktop. Press Ctrl+F12.");
    println!("\n  Tickets leave once you have confirmed an address at {DOMAIN} (the bell, right click,");
    println!("  Personal settings); its token arrives in the mailbox. Ctrl+C ends everything.\n");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => println!("ending"),
        () = agent.ended() => println!("the agent has ended; see {}", folder.join("agent.log").display()),
    }
    drop(agent);
    server.stop().await
}

/// The story up to step 4: an organization, a client with its domain, enabled, and a key; the key.
async fn prepare(server: &mut Server, password: &str) -> Result<String> {
    let code = server.setup_code().await?;
    let answers = json!({"code": code, "organization": "Harbour IT", "name": "Demo Owner", "email": EMAIL,
        "password": password, "language": "en"});
    let api = Api::set_up(server.http(), &server.url(), answers).await?;
    let client = api.post("/clients", json!({"name": "Northwind Clinics", "domains": [DOMAIN]})).await?;
    let client = client["id"].as_str().context("a client without id")?.to_owned();
    let choice = json!({"enabled": true, "include_device_choices": false});
    api.put(&format!("/clients/{client}/enablement"), choice).await?;
    let wanted = json!({"name": "Demo", "expires_in_days": 7, "max_devices": 10});
    let key = api.post(&format!("/clients/{client}/enrolment-keys"), wanted).await?;
    Ok(key["secret"].as_str().context("a key without secret")?.to_owned())
}

fn start_agent(folder: &Path, server_url: &str, key: &str) -> Result<Process> {
    let mut command = process::command(program("deskbell")?);
    command.env("DESKBELL_SERVER_URL", server_url).env("DESKBELL_ENROLMENT_KEY", key);
    command.env("DESKBELL_DATA_DIR", folder.join("agent"));
    Process::start("deskbell", command, &folder.join("agent.log"))
}

/// A new one for every demo.
fn password() -> String {
    let random: [u8; 16] = rand::random();
    random.iter().map(|byte| char::from(b"abcdefghijkmnpqrstuvwxyz23456789"[usize::from(byte % 32)])).collect()
}
