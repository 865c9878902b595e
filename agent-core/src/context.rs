//! What the computer says of itself.

use deskbell_protocol::device::{Context, DeviceFacts, NetworkFact, SpaceFact};
use sha2::{Digest, Sha256};
use sysinfo::{Disks, Networks, System};

use crate::hex;

/// Who and what this computer is.
#[must_use]
pub(crate) fn facts() -> DeviceFacts {
    DeviceFacts {
        name: System::host_name().unwrap_or_else(|| "?".to_owned()),
        os: os(),
        platform: std::env::consts::OS.to_owned(),
        model: firmware().model.clone(),
        // The serial number is for administrators on Linux; elsewhere the system gives it to everybody.
        serial: firmware().serial.clone(),
        os_user: user(),
        ip: network().map(|network| network.ip),
    }
}

/// How the computer is at this moment. Whatever the system does not say is absent.
#[must_use]
pub(crate) fn context() -> Context {
    let facts = facts();
    let mut system = System::new();
    system.refresh_memory();
    Context {
        device: Some(match facts.model {
            Some(model) => format!("{} ({model})", facts.name),
            None => facts.name,
        }),
        system: Some(facts.os),
        network: network(),
        disk: disk(),
        memory: Some(SpaceFact { free: system.available_memory(), total: system.total_memory() })
            .filter(|memory| memory.total > 0),
        battery: None,
        user: Some(facts.os_user),
        uptime: Some(System::uptime()),
    }
}

/// Without the facts that the person removed, by their JSON names.
#[must_use]
pub(crate) fn without(context: &Context, removed: &[String]) -> Context {
    let kept = |name: &str| !removed.iter().any(|removed| removed == name);
    let context = context.clone();
    Context {
        device: context.device.filter(|_| kept("device")),
        system: context.system.filter(|_| kept("system")),
        network: context.network.filter(|_| kept("network")),
        disk: context.disk.filter(|_| kept("disk")),
        memory: context.memory.filter(|_| kept("memory")),
        battery: context.battery.filter(|_| kept("battery")),
        user: context.user.filter(|_| kept("user")),
        uptime: context.uptime.filter(|_| kept("uptime")),
    }
}

/// A name for this machine that tells nobody anything: it groups the installations of one computer.
#[must_use]
pub(crate) fn machine_hint() -> String {
    let id = machine_id().unwrap_or_else(|| System::host_name().unwrap_or_default());
    hex(&Sha256::digest(format!("deskbell {id}")))
}

#[cfg(target_os = "linux")]
fn machine_id() -> Option<String> {
    std::fs::read_to_string("/etc/machine-id").ok().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(windows)]
fn machine_id() -> Option<String> {
    windows_registry::LOCAL_MACHINE
        .open(r"SOFTWARE\Microsoft\Cryptography")
        .and_then(|key| key.get_string("MachineGuid"))
        .ok()
}

#[cfg(not(any(target_os = "linux", windows)))]
fn machine_id() -> Option<String> {
    sysinfo::Product::serial_number()
}

/// What the maker wrote into the computer.
struct Firmware {
    model: Option<String>,
    serial: Option<String>,
}

/// Read once: it does not change while the program runs.
fn firmware() -> &'static Firmware {
    static FIRMWARE: std::sync::OnceLock<Firmware> = std::sync::OnceLock::new();
    FIRMWARE.get_or_init(|| Firmware {
        model: written(sysinfo::Product::name),
        serial: written(sysinfo::Product::serial_number),
    })
}

/// On Windows, sysinfo panics over firmware tables that lack what it looks for. No fact is worth the agent.
fn written(ask: fn() -> Option<String>) -> Option<String> {
    let text = std::panic::catch_unwind(ask).ok().flatten()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// As people call it, for example `Windows 11 Pro` or `Debian GNU/Linux 12`.
fn os() -> String {
    let named = if cfg!(target_os = "linux") {
        System::name().zip(System::os_version()).map(|(name, version)| format!("{name} {version}"))
    } else {
        System::long_os_version()
    };
    named.unwrap_or_else(|| std::env::consts::OS.to_owned())
}

fn user() -> String {
    whoami::username().unwrap_or_else(|_| "?".to_owned())
}

/// The first interface with an address that others can reach.
fn network() -> Option<NetworkFact> {
    let networks = Networks::new_with_refreshed_list();
    let mut found: Vec<NetworkFact> = networks
        .iter()
        .flat_map(|(interface, data)| {
            data.ip_networks()
                .iter()
                .filter(|network| network.addr.is_ipv4() && !network.addr.is_loopback())
                .map(|network| NetworkFact { ip: network.addr.to_string(), interface: interface.clone() })
        })
        .collect();
    found.sort_by(|a, b| (&a.interface, &a.ip).cmp(&(&b.interface, &b.ip)));
    found.into_iter().next()
}

/// The disk that the system is on.
fn disk() -> Option<SpaceFact> {
    let root = if cfg!(windows) { r"C:\" } else { "/" };
    let disks = Disks::new_with_refreshed_list();
    let disk = disks.iter().find(|disk| disk.mount_point().as_os_str() == root)?;
    Some(SpaceFact { free: disk.available_space(), total: disk.total_space() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_fact_is_not_there() {
        let all = context();
        let kept = without(&all, &["user".to_owned(), "uptime".to_owned()]);
        assert_eq!(kept.user, None);
        assert_eq!(kept.uptime, None);
        assert_eq!(kept.system, all.system);
    }

    #[test]
    fn firmware_that_cannot_be_read_says_nothing() {
        assert_eq!(written(|| panic!("range start index 282 out of range for slice of length 131")), None);
        assert_eq!(written(|| Some("  ".to_owned())), None);
        assert_eq!(written(|| Some(" Latitude 5450 ".to_owned())).as_deref(), Some("Latitude 5450"));
    }

    #[test]
    fn a_computer_has_the_same_hint_every_time() {
        assert_eq!(machine_hint(), machine_hint());
        assert_eq!(machine_hint().len(), 64);
    }
}
