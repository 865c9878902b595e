//! From the administrator's command to the console, and what an upgrade keeps of it.

use deskbell_tests::{headless::Headless, helpdesk::Helpdesk};

use crate::{
    device::Device,
    packages::{FIRST, SECOND, setup_exe},
};

const SUBJECT: &str = "The printer prints blank pages";

#[tokio::test]
async fn an_installed_device_introduces_itself_and_an_upgrade_keeps_its_identity_and_queue() {
    let device = Device::new().await.unwrap();
    let mut helpdesk = Helpdesk::open(device.wine.desktop().folder()).await.unwrap();
    let url = format!("/SERVER_URL={}", helpdesk.server.url());
    let key = format!("/ENROLMENT_KEY={}", helpdesk.enrolment_key);
    let quiet = ["/S", "/START_AGENT=0"];
    let installed = device.run(&setup_exe(FIRST), &[&quiet[..], &[url.as_str(), key.as_str()]].concat()).await.unwrap();
    assert_eq!(installed.code, 0, "{}", installed.printed);

    let mut agent = Headless::on_windows(&device.wine, &[]);
    agent.start().unwrap();
    helpdesk.welcome().await.unwrap();
    agent.welcomed().await.unwrap();
    let before = helpdesk.introduced().await.unwrap();
    helpdesk.server.stop().await.unwrap();
    agent.submit(SUBJECT).await.unwrap();
    agent.kill().await.unwrap();

    assert_eq!(device.run(&setup_exe(SECOND), &quiet).await.unwrap().code, 0);
    device.is_installed(SECOND, "setup").await.unwrap();
    helpdesk.server.start().await.unwrap();
    agent.start().unwrap();
    agent.delivered(SUBJECT).await.unwrap();
    assert_eq!(helpdesk.tickets().unwrap(), 1, "what was unsent arrives, once");
    assert_eq!(helpdesk.introduced().await.unwrap(), before, "it is the same device");
    let count = helpdesk.server.database().unwrap().count("select count(*) from installations", []).unwrap();
    assert_eq!(count, 1, "and no second one");
    agent.stop().await.unwrap();
}
