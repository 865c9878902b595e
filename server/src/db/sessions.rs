//! Who is signed in. The cookie's value is never stored, only its hash.

use deskbell_protocol::{Millis, id::TechnicianId};

use super::{
    Text, Tx,
    technicians::{self, Technician},
};
use crate::{row, sql};

#[derive(Clone, Debug)]
pub struct Session {
    pub technician_id: Text<TechnicianId>,
    pub csrf: String,
    pub expires_at: Millis,
}

row! {
    #[derive(Clone, Debug)]
    pub struct SignedIn {
        pub technician: Technician,
        pub csrf: String,
        pub expires_at: Millis,
    }
}

pub async fn insert(tx: &mut Tx, id_hash: &str, session: &Session, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into sessions (id_hash, technician_id, csrf, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        id_hash, session.technician_id, &session.csrf, now, session.expires_at
    )?;
    Ok(())
}

/// Who is signed in with a session. Whose access ended is not.
pub async fn find(tx: &mut Tx, id_hash: &str, now: Millis) -> sqlx::Result<Option<SignedIn>> {
    let columns = technicians::COLUMNS;
    sql!(
        optional tx, SignedIn,
        format!("select {columns}, csrf, expires_at from sessions join technicians on id = technician_id
                 where id_hash = $1 and expires_at > $2 and disabled_at is null"),
        id_hash, now
    )
}

pub async fn extend(tx: &mut Tx, id_hash: &str, expires_at: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update sessions set expires_at = $2 where id_hash = $1", id_hash, expires_at)?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id_hash: &str) -> sqlx::Result<()> {
    sql!(execute tx, "delete from sessions where id_hash = $1", id_hash)?;
    Ok(())
}

/// Ends all of a technician's.
pub async fn end_of(tx: &mut Tx, technician: TechnicianId) -> sqlx::Result<()> {
    sql!(execute tx, "delete from sessions where technician_id = $1", Text(technician))?;
    Ok(())
}

pub async fn prune(tx: &mut Tx, now: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from sessions where expires_at < $1", now)
}
