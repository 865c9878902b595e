//! One OS user's agent on a device, known by its key.

use deskbell_protocol::{
    Millis,
    device::{DeviceFacts, HotkeyState, Registration},
    id::{ClientId, DeviceId, InstallationId, RequesterId, TechnicianId},
    ticket::Language,
};

use super::{Scope, Text, Tx, nonces, requesters::Addressee};
use crate::{enablement::Choices, epochs, row, sql};

row! {
    /// An installation with what decides about it, read together.
    #[derive(Clone, Debug)]
    pub struct Installation {
        pub id: Text<InstallationId>,
        pub device_id: Text<DeviceId>,
        pub device_name: String,
        pub client_id: Text<ClientId>,
        pub client_name: String,
        pub organization_name: Option<String>,
        pub public_key: String,
        pub os_user: String,
        pub registration: Text<Registration>,
        pub agent_version: String,
        pub language: Text<Language>,
        pub hotkey: Text<HotkeyState>,
        pub epoch: i64,
        /// The one that the last answer came to.
        pub epoch_before: i64,
        /// When its last sync was signed, in seconds.
        pub signed_at: i64,
        pub revision: i64,
        pub applied_revision: i64,
        pub online_until: Millis,
        pub last_seen_at: Millis,
        pub choices: Choices,
        pub requester_id: Option<Text<RequesterId>>,
        pub requester_name: Option<String>,
        pub requester_email: Option<String>,
        pub requester_language: Option<Text<Language>>,
        pub confirmed_at: Option<Millis>,
        pub vouched_by: Option<String>,
    }
}

impl Installation {
    /// Whom a mail to the person who is confirmed here goes to. Whose access ended is confirmed nowhere.
    #[must_use]
    pub fn addressee(&self) -> Option<Addressee> {
        Some(Addressee {
            email: self.requester_email.clone()?,
            name: self.requester_name.clone()?,
            language: self.requester_language?,
            deactivated_at: None,
            organization_name: self.organization_name.clone(),
        })
    }
}

const COLUMNS: &str = "i.id, i.device_id, d.name as device_name, i.client_id, c.name as client_name,
    o.name as organization_name, i.public_key, i.os_user, i.registration, i.agent_version, i.language, i.hotkey,
    i.epoch, i.epoch_before, i.signed_at, i.revision, i.applied_revision, i.online_until, i.last_seen_at, o.enablement as organization_choice,
    c.enablement as client_choice, s.enablement as site_choice, d.enablement as device_choice, i.requester_id,
    r.name as requester_name, r.email as requester_email, r.language as requester_language, i.confirmed_at, t.name as vouched_by";

const FROM: &str = "from installations i
    join devices d on d.id = i.device_id
    join clients c on c.id = i.client_id
    cross join organization o
    left join sites s on s.id = d.site_id
    left join requesters r on r.id = i.requester_id
    left join technicians t on t.id = i.vouched_by";

pub async fn by_key(tx: &mut Tx, public_key: &str) -> sqlx::Result<Option<Installation>> {
    sql!(optional tx, Installation, format!("select {COLUMNS} {FROM} where i.public_key = $1"), public_key)
}

row! {
    /// An installation whose request came with a nonce.
    #[derive(Debug)]
    pub struct Asking {
        pub installation: Installation,
        /// The nonce was spent before.
        pub replayed: bool,
    }
}

pub async fn asking(tx: &mut Tx, public_key: &str, nonce: &str) -> sqlx::Result<Option<Asking>> {
    let nonce = nonces::stored(nonce);
    sql!(
        optional tx, Asking,
        format!("select {COLUMNS}, exists (select 1 from nonces n where n.public_key = $1 and n.nonce = $2) as replayed
                 {FROM} where i.public_key = $1"),
        public_key, &*nonce
    )
}

pub async fn find(tx: &mut Tx, scope: Scope, id: InstallationId) -> sqlx::Result<Option<Installation>> {
    sql!(
        optional tx, Installation, format!("select {COLUMNS} {FROM} where i.id = $1 and ($2 = '' or i.client_id = $2)"),
        Text(id), scope.bind()
    )
}

pub async fn of_device(tx: &mut Tx, device: DeviceId) -> sqlx::Result<Vec<Installation>> {
    sql!(all tx, Installation, format!("select {COLUMNS} {FROM} where i.device_id = $1 order by i.created_at, i.id"), Text(device))
}

/// What a new installation is made of.
#[derive(Clone, Debug)]
pub struct NewInstallation<'a> {
    pub id: InstallationId,
    pub device: DeviceId,
    pub client: ClientId,
    pub public_key: &'a str,
    pub os_user: &'a str,
    pub agent_version: &'a str,
    pub language: Language,
    pub registration: Registration,
}

pub async fn insert(tx: &mut Tx, new: &NewInstallation<'_>, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into installations (id, device_id, client_id, public_key, algorithm, os_user, registration,
         agent_version, language, hotkey, last_seen_at, created_at)
         values ($1, $2, $3, $4, 'ed25519', $5, $9, $6, $7, 'off', $8, $8)",
        Text(new.id), Text(new.device), Text(new.client), new.public_key, new.os_user, new.agent_version,
        Text(new.language), now, Text(new.registration)
    )?;
    Ok(())
}

/// What a sync tells about its installation.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    pub epoch: i64,
    /// The epoch that it came with.
    pub epoch_before: i64,
    /// When it was signed, in seconds.
    pub signed_at: i64,
    pub applied_revision: i64,
    pub agent_version: &'a str,
    pub language: Language,
    pub hotkey: HotkeyState,
    pub facts: &'a DeviceFacts,
}

/// Notes a sync at the installation and at its device.
pub async fn seen(tx: &mut Tx, installation: &Installation, seen: &Seen<'_>, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update installations set epoch = $2, applied_revision = $3, agent_version = $4, language = $5, hotkey = $6,
         os_user = $7, last_seen_at = $8, epoch_before = $9, signed_at = $10 where id = $1",
        installation.id, seen.epoch, seen.applied_revision, seen.agent_version, Text(seen.language), Text(seen.hotkey),
        &seen.facts.os_user, now, seen.epoch_before, seen.signed_at
    )?;
    sql!(
        execute tx,
        "update devices set name = case when renamed then name else $2 end, os = $3, ip = $4, os_user = $5,
         agent_version = $6, last_seen_at = $7, model = coalesce($8, model), serial = coalesce($9, serial) where id = $1",
        installation.device_id, &seen.facts.name, &seen.facts.os, &seen.facts.ip, &seen.facts.os_user,
        seen.agent_version, now, &seen.facts.model, &seen.facts.serial
    )?;
    Ok(())
}

/// Takes the next sync's epoch for the current one. What was signed before stays too old.
pub async fn forget_epochs(tx: &mut Tx, id: InstallationId) -> sqlx::Result<()> {
    sql!(execute tx, "update installations set epoch = $2, epoch_before = $2 where id = $1", Text(id), epochs::ANY)?;
    Ok(())
}

/// It begins to count anew, with what is signed from now on.
pub async fn begin_epochs(tx: &mut Tx, id: InstallationId, signed_at: i64) -> sqlx::Result<()> {
    sql!(
        execute tx, "update installations set epoch = 0, epoch_before = 0, signed_at = $2 where id = $1",
        Text(id), signed_at
    )?;
    Ok(())
}

/// Whether an installation of this device is kept out: then a new one there waits for a technician.
pub async fn any_kept_out(tx: &mut Tx, device: DeviceId) -> sqlx::Result<bool> {
    let (count,): (i64,) = sql!(
        one tx, (i64,),
        "select count(*) from installations where device_id = $1 and registration in ('revoked', 'quarantined')",
        Text(device)
    )?;
    Ok(count > 0)
}

/// Online until then, as long as nothing else is said.
pub async fn set_online(tx: &mut Tx, id: InstallationId, until: Millis, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update installations set online_until = $2, last_seen_at = $3 where id = $1", Text(id), until, now)?;
    sql!(
        execute tx,
        "update devices set last_seen_at = $2 where id = (select device_id from installations where id = $1)",
        Text(id), now
    )?;
    Ok(())
}

/// The same for many of them.
pub async fn keep_online(tx: &mut Tx, ids: &[InstallationId], until: Millis, now: Millis) -> sqlx::Result<()> {
    let (among, ids) = (tx.among_first(), ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    sql!(
        execute tx, format!("update installations set online_until = $2, last_seen_at = $3 where id {among}"),
        &ids, until, now
    )?;
    sql!(
        execute tx,
        format!("update devices set last_seen_at = $2 where id in (select device_id from installations where id {among})"),
        &ids, now
    )?;
    Ok(())
}

pub async fn set_registration(tx: &mut Tx, id: InstallationId, registration: Registration) -> sqlx::Result<()> {
    sql!(execute tx, "update installations set registration = $2 where id = $1", Text(id), Text(registration))?;
    Ok(())
}

/// Who is confirmed here from now on. `vouched_by` is the technician, where no token was typed.
pub async fn set_confirmed(
    tx: &mut Tx,
    id: InstallationId,
    requester: RequesterId,
    vouched_by: Option<TechnicianId>,
    now: Millis,
) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update installations set requester_id = $2, confirmed_at = $3, vouched_by = $4 where id = $1",
        Text(id), Text(requester), now, vouched_by.map(Text)
    )?;
    Ok(())
}

/// Ends the confirmation at one installation.
pub async fn end_confirmation(tx: &mut Tx, id: InstallationId) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update installations set requester_id = null, confirmed_at = null, vouched_by = null where id = $1", Text(id)
    )?;
    Ok(())
}

/// Ends a person's confirmations everywhere, and gives the installations that they were at.
pub async fn end_confirmations_of(tx: &mut Tx, requester: RequesterId) -> sqlx::Result<Vec<InstallationId>> {
    let rows: Vec<(Text<InstallationId>,)> = sql!(
        all tx, (Text<InstallationId>,),
        "update installations set requester_id = null, confirmed_at = null, vouched_by = null, revision = revision + 1
         where requester_id = $1 returning id",
        Text(requester)
    )?;
    Ok(rows.into_iter().map(|(id,)| id.0).collect())
}

/// Moves a device's installations to another client; their confirmations end.
pub async fn move_to(tx: &mut Tx, device: DeviceId, client: ClientId) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update installations set client_id = $2, requester_id = null, confirmed_at = null, vouched_by = null
         where device_id = $1",
        Text(device), Text(client)
    )?;
    Ok(())
}
