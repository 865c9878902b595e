//! What has to be true when a history has ended.

use anyhow::Result;
use deskbell_agent_core::view::EntryState;

use super::{super::Kind, device::Device, world::World, writing::Written};

/// Every promise that this history broke.
pub(super) fn broken(world: &World) -> Result<Vec<(Kind, String)>> {
    let mut broken = Vec::new();
    for written in &world.written {
        broken.extend(of_entry(world, written)?);
    }
    broken.extend(order(world));
    for id in &world.server.twice {
        broken.push((Kind::Duplicated, format!("{id} was stored twice")));
    }
    // Where a clock was set back, a request from before that, which was held on its way, is the younger one.
    let taken_for_two = |device: &Device| !device.set_back && world.server.quarantined.contains(&device.key);
    if world.devices.iter().any(taken_for_two) {
        broken.push((Kind::Wrong, "a single machine was taken for two".to_owned()));
    }
    Ok(broken)
}

fn of_entry(world: &World, written: &Written) -> Result<Option<(Kind, String)>> {
    // A day after it was delivered an entry is forgotten: what is not there any more has to be stored.
    let entry = world.devices[written.device].queue.entry(written.id)?;
    let state = entry.as_ref().map_or(EntryState::Delivered, |entry| entry.state);
    let stored = is_stored(world, written);
    let kind = if written.is_ticket { "ticket" } else { "message" };
    // What is refused for good is refused because of what happened to people, tickets or the server.
    let excusable = world.faults.people || world.faults.closing || world.faults.restore;
    let what = match (state, stored) {
        (EntryState::Delivered, true) => return Ok(None),
        (EntryState::Delivered, false) if world.gone.contains(&written.id) => return Ok(None),
        (EntryState::NeedsAttention, false) if excusable => return Ok(None),
        (EntryState::Delivered, false) => (Kind::Lost, "delivered, and not stored"),
        (EntryState::NeedsAttention, true) => (Kind::Wrong, "stored, and said to need attention"),
        (EntryState::NeedsAttention, false) => (Kind::Lost, "needs attention, and nothing had happened to it"),
        (_, _) => (Kind::Wrong, "still waits, long after everything was well again"),
    };
    let reason = entry.and_then(|entry| entry.reason).map(|reason| format!("{:?}", reason.code)).unwrap_or_default();
    Ok(Some((what.0, format!("a {kind} of device {} {} ({:?} {reason})", written.device, what.1, state))))
}

/// Under its id, with the very content that was written.
fn is_stored(world: &World, written: &Written) -> bool {
    let Some(ticket) = world.server.tickets.get(&written.ticket) else { return false };
    if written.is_ticket {
        return ticket.subject == written.text;
    }
    let messages = ticket.messages.iter().filter(|message| message.id == written.id);
    let texts: Vec<&str> = messages.map(|message| message.text.as_str()).collect();
    texts == [written.text.as_str()]
}

/// Messages of one device to one ticket are stored in the order in which they were written. What needed
/// attention meanwhile gave up its place.
fn order(world: &World) -> Option<(Kind, String)> {
    for (id, ticket) in &world.server.tickets {
        for device in 0..world.devices.len() {
            let written: Vec<_> = world
                .written
                .iter()
                .filter(|written| !written.is_ticket && written.ticket == *id && written.device == device)
                .filter(|written| !world.ever_attention.contains(&written.id) && !world.gone.contains(&written.id))
                .map(|written| written.id)
                .collect();
            let stored = ticket.messages.iter().map(|message| message.id).filter(|id| written.contains(id));
            let expected = written.iter().copied().filter(|id| ticket.messages.iter().any(|m| m.id == *id));
            if !stored.eq(expected) {
                return Some((
                    Kind::Lost,
                    format!("messages of device {device} are not in the order of their writing"),
                ));
            }
        }
    }
    None
}
