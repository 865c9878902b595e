//! The one row of those who run the server.

use deskbell_protocol::{Millis, id::ServerId};

use super::{Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Organization {
        pub server_id: Text<ServerId>,
        /// Absent until the first-run set-up is done.
        pub name: Option<String>,
        /// Keys HMACs; base64.
        pub secret: String,
        pub setup_code_hash: Option<String>,
        pub enablement: bool,
        pub enablement_by: Option<String>,
        pub enablement_at: Option<Millis>,
    }
}

pub async fn find(tx: &mut Tx) -> sqlx::Result<Option<Organization>> {
    sql!(
        optional tx, Organization,
        "select server_id, name, secret, setup_code_hash, enablement, enablement_by, enablement_at from organization"
    )
}

/// Makes the row at the very first start; a server that starts beside this one may have been faster.
pub async fn create(tx: &mut Tx, server: ServerId, secret: &str, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into organization (id, server_id, secret, created_at) values (1, $1, $2, $3) on conflict do nothing",
        Text(server), secret, now
    )?;
    Ok(())
}

pub async fn set_setup_code(tx: &mut Tx, hash: &str) -> sqlx::Result<()> {
    sql!(execute tx, "update organization set setup_code_hash = $1 where name is null", hash)?;
    Ok(())
}

/// Ends the set-up; false where it had ended before.
pub async fn finish_setup(tx: &mut Tx, name: &str) -> sqlx::Result<bool> {
    let updated =
        sql!(execute tx, "update organization set name = $1, setup_code_hash = null where name is null", name)?;
    Ok(updated == 1)
}

pub async fn set_enablement(tx: &mut Tx, enabled: bool, by: &str, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "update organization set enablement = $1, enablement_by = $2, enablement_at = $3",
        enabled, by, now
    )?;
    Ok(())
}
