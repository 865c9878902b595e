//! Computers of clients.

use std::collections::HashMap;

use deskbell_protocol::{
    Millis,
    device::DeviceFacts,
    id::{ClientId, DeviceId, EnrolmentKeyId},
};

use super::{Scope, Text, Tx};
use crate::{enablement::Choices, row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Device {
        pub id: Text<DeviceId>,
        pub client_id: Text<ClientId>,
        pub client_name: String,
        pub name: String,
        pub os: String,
        pub platform: String,
        pub model: Option<String>,
        pub serial: Option<String>,
        pub ip: Option<String>,
        pub os_user: Option<String>,
        pub agent_version: Option<String>,
        pub last_seen_at: Option<Millis>,
        pub created_at: Millis,
        pub enrolled_with: Option<String>,
        pub choices: Choices,
        pub device_by: Option<String>,
        pub device_at: Option<Millis>,
        pub client_by: Option<String>,
        pub client_at: Option<Millis>,
        pub site_name: Option<String>,
        pub site_by: Option<String>,
        pub site_at: Option<Millis>,
        /// The latest time until which one of its installations is online.
        pub online_until: Option<Millis>,
        /// Installations that are accepted; those of them that have not heard; those that are not accepted.
        pub accepted: i64,
        pub waiting: i64,
        pub failed: i64,
        pub hotkey_taken: i64,
        pub active_tickets: i64,
    }
}

const SELECT: &str = "select d.id, d.client_id, c.name as client_name, d.name, d.os, d.platform, d.model, d.serial, d.ip,
    d.os_user, d.agent_version, d.last_seen_at, d.created_at, k.name as enrolled_with,
    o.enablement as organization_choice, c.enablement as client_choice, s.enablement as site_choice,
    d.enablement as device_choice, d.enablement_by as device_by, d.enablement_at as device_at,
    c.enablement_by as client_by, c.enablement_at as client_at, s.name as site_name, s.enablement_by as site_by,
    s.enablement_at as site_at,
    (select max(i.online_until) from installations i where i.device_id = d.id) as online_until,
    (select count(*) from installations i where i.device_id = d.id and i.registration = 'accepted') as accepted,
    (select count(*) from installations i where i.device_id = d.id and i.registration = 'accepted'
        and i.applied_revision < i.revision) as waiting,
    (select count(*) from installations i where i.device_id = d.id and i.registration <> 'accepted') as failed,
    (select count(*) from installations i where i.device_id = d.id and i.hotkey = 'taken') as hotkey_taken,
    (select count(*) from tickets t where t.device_id = d.id and t.status not in ('resolved', 'closed')) as active_tickets
    from devices d
    join clients c on c.id = d.client_id
    cross join organization o
    left join sites s on s.id = d.site_id
    left join enrolment_keys k on k.id = d.enrolment_key_id";

pub async fn find(tx: &mut Tx, scope: Scope, id: DeviceId) -> sqlx::Result<Option<Device>> {
    sql!(
        optional tx, Device,
        format!("{SELECT} where d.id = $1 and d.removed_at is null and ($2 = '' or d.client_id = $2)"),
        Text(id), scope.bind()
    )
}

/// By name, then id. `query` is part of a name, user, address or serial number, or empty.
pub async fn list(tx: &mut Tx, scope: Scope, client: Option<ClientId>, query: &str) -> sqlx::Result<Vec<Device>> {
    sql!(
        all tx, Device,
        format!("{SELECT} where d.removed_at is null and ($1 = '' or d.client_id = $1) and ($2 = '' or d.client_id = $2)
                 and (lower(d.name) like $3 or lower(coalesce(d.os_user, '')) like $3 or coalesce(d.ip, '') like $3
                      or lower(coalesce(d.serial, '')) like $3)
                 order by d.name, d.id"),
        scope.bind(), client.map_or_else(String::new, |id| id.to_string()), super::contains(query)
    )
}

row! {
    /// How far the agent has come to the devices of a client.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Rollout {
        pub total: i64,
        /// On, and the device has heard.
        pub active: i64,
        /// The device has not heard yet.
        pub waiting: i64,
        /// The device cannot follow.
        pub failed: i64,
        /// Off, and the device has heard.
        pub off: i64,
    }
}

row! {
    struct RolloutRow {
        client_id: Text<ClientId>,
        rollout: Rollout,
    }
}

/// The rollout of every client that has a device, counted by the database: the list of clients shows sums of all
/// devices and none of them. It decides as [`Choices::decide`] does, and as a device's own page does of its delivery.
pub async fn rollouts(tx: &mut Tx, scope: Scope) -> sqlx::Result<HashMap<ClientId, Rollout>> {
    let rows: Vec<RolloutRow> = sql!(
        all tx, RolloutRow,
        "select client_id, count(*) as total,
             count(case when delivery = 'heard' and wanted then 1 end) as active,
             count(case when delivery = 'waiting' then 1 end) as waiting,
             count(case when delivery = 'failed' then 1 end) as failed,
             count(case when delivery = 'heard' and not wanted then 1 end) as off
         from (
             select d.client_id, coalesce(d.enablement, s.enablement, c.enablement, o.enablement) as wanted,
                 case when coalesce(i.accepted, 0) = 0 and i.failed > 0 then 'failed'
                      when coalesce(i.accepted, 0) = 0 or i.waiting > 0 then 'waiting'
                      else 'heard' end as delivery
             from devices d
             join clients c on c.id = d.client_id
             cross join organization o
             left join sites s on s.id = d.site_id
             left join (
                 select device_id, count(case when registration = 'accepted' then 1 end) as accepted,
                     count(case when registration = 'accepted' and applied_revision < revision then 1 end) as waiting,
                     count(case when registration <> 'accepted' then 1 end) as failed
                 from installations
                 where ($1 = '' or device_id in (select id from devices where client_id = $1))
                 group by device_id
             ) i on i.device_id = d.id
             where d.removed_at is null and ($1 = '' or d.client_id = $1)
         ) as each_device group by client_id",
        scope.bind()
    )?;
    Ok(rows.into_iter().map(|row| (row.client_id.0, row.rollout)).collect())
}

/// Which systems run which versions.
pub async fn versions(tx: &mut Tx, scope: Scope) -> sqlx::Result<Vec<(String, String)>> {
    sql!(
        all tx, (String, String),
        "select distinct platform, agent_version from devices
         where removed_at is null and agent_version is not null and ($1 = '' or client_id = $1)
         order by platform, agent_version",
        scope.bind()
    )
}

/// The device that a machine hint groups, removed or not.
pub async fn by_hint(tx: &mut Tx, client: ClientId, hint: &str) -> sqlx::Result<Option<(DeviceId, bool)>> {
    let row: Option<(Text<DeviceId>, Option<Millis>)> = sql!(
        optional tx, (Text<DeviceId>, Option<Millis>),
        "select id, removed_at from devices where client_id = $1 and machine_hint = $2", Text(client), hint
    )?;
    Ok(row.map(|(id, removed_at)| (id.0, removed_at.is_some())))
}

/// A computer that introduces itself for the first time, or again after it was removed.
pub async fn insert(
    tx: &mut Tx,
    id: DeviceId,
    client: ClientId,
    key: EnrolmentKeyId,
    hint: &str,
    facts: &DeviceFacts,
    now: Millis,
) -> sqlx::Result<DeviceId> {
    let (id,): (Text<DeviceId>,) = sql!(
        one tx, (Text<DeviceId>,),
        "insert into devices (id, client_id, enrolment_key_id, name, machine_hint, os, platform, model, serial, ip, os_user,
         last_seen_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         on conflict (client_id, machine_hint) do update
         set removed_at = null, enrolment_key_id = excluded.enrolment_key_id, enablement = null, enablement_by = null
         returning id",
        Text(id), Text(client), Text(key), &facts.name, hint, &facts.os, &facts.platform, &facts.model, &facts.serial,
        &facts.ip, &facts.os_user, now
    )?;
    Ok(id.0)
}

pub async fn set_enablement(
    tx: &mut Tx,
    id: DeviceId,
    enabled: Option<bool>,
    by: &str,
    now: Millis,
) -> sqlx::Result<()> {
    sql!(
        execute tx, "update devices set enablement = $2, enablement_by = $3, enablement_at = $4 where id = $1",
        Text(id), enabled, by, now
    )?;
    Ok(())
}

pub async fn rename(tx: &mut Tx, id: DeviceId, name: &str) -> sqlx::Result<()> {
    sql!(execute tx, "update devices set name = $2, renamed = true where id = $1", Text(id), name)?;
    Ok(())
}

/// Moves a device to another client. Its own choice and its key stay behind; a device of the same
/// machine there would be another row, so the hint is made unlike any other.
pub async fn move_to(tx: &mut Tx, id: DeviceId, client: ClientId) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update devices set client_id = $2, site_id = null, enrolment_key_id = null, enablement = null,
         enablement_by = null, enablement_at = null, machine_hint = $3 where id = $1",
        Text(id), Text(client), format!("moved {id}")
    )?;
    Ok(())
}

pub async fn remove(tx: &mut Tx, id: DeviceId, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update devices set removed_at = $2 where id = $1", Text(id), now)?;
    sql!(execute tx, "update installations set registration = 'revoked' where device_id = $1", Text(id))?;
    Ok(())
}
