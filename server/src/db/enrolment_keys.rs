//! What an installer carries so that a device can introduce itself.

use deskbell_protocol::{
    Millis,
    id::{ClientId, EnrolmentKeyId},
};

use super::{Scope, Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct EnrolmentKey {
        pub id: Text<EnrolmentKeyId>,
        pub client_id: Text<ClientId>,
        pub name: String,
        pub hint: String,
        pub expires_at: Millis,
        pub max_devices: i64,
        pub revoked_at: Option<Millis>,
        pub created_at: Millis,
        pub created_by: String,
        /// Devices that it introduced.
        pub used: i64,
    }
}

const SELECT: &str =
    "select k.id, k.client_id, k.name, k.hint, k.expires_at, k.max_devices, k.revoked_at, k.created_at,
    k.created_by, (select count(*) from devices d where d.enrolment_key_id = k.id) as used from enrolment_keys k";

pub async fn insert(tx: &mut Tx, key: &EnrolmentKey, secret_hash: &str) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into enrolment_keys
         (id, client_id, name, hint, secret_hash, expires_at, max_devices, created_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        key.id, key.client_id, &key.name, &key.hint, secret_hash, key.expires_at, key.max_devices, key.created_at,
        &key.created_by
    )?;
    Ok(())
}

pub async fn by_secret(tx: &mut Tx, secret_hash: &str) -> sqlx::Result<Option<EnrolmentKey>> {
    sql!(optional tx, EnrolmentKey, format!("{SELECT} where k.secret_hash = $1"), secret_hash)
}

pub async fn find(tx: &mut Tx, scope: Scope, id: EnrolmentKeyId) -> sqlx::Result<Option<EnrolmentKey>> {
    sql!(
        optional tx, EnrolmentKey, format!("{SELECT} where k.id = $1 and ($2 = '' or k.client_id = $2)"),
        Text(id), scope.bind()
    )
}

/// Newest first.
pub async fn of_client(tx: &mut Tx, client: ClientId) -> sqlx::Result<Vec<EnrolmentKey>> {
    sql!(
        all tx, EnrolmentKey, format!("{SELECT} where k.client_id = $1 order by k.created_at desc, k.id desc"),
        Text(client)
    )
}

pub async fn revoke(tx: &mut Tx, id: EnrolmentKeyId, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update enrolment_keys set revoked_at = coalesce(revoked_at, $2) where id = $1", Text(id), now)?;
    Ok(())
}
