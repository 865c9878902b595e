//! Pages that devices opened in a browser. The cookie's value is never stored, only its hash.

use deskbell_protocol::{
    Millis,
    id::{ClientId, InstallationId, RequesterId},
};

use super::{Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PortalSession {
        pub installation_id: Text<InstallationId>,
        pub client_id: Text<ClientId>,
        pub requester_id: Option<Text<RequesterId>>,
        pub csrf: String,
        pub expires_at: Millis,
    }
}

pub async fn insert(tx: &mut Tx, id_hash: &str, session: &PortalSession, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into portal_sessions (id_hash, installation_id, client_id, requester_id, csrf, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id_hash, session.installation_id, session.client_id, session.requester_id, &session.csrf, now,
        session.expires_at
    )?;
    Ok(())
}

pub async fn find(tx: &mut Tx, id_hash: &str, now: Millis) -> sqlx::Result<Option<PortalSession>> {
    sql!(
        optional tx, PortalSession,
        "select installation_id, client_id, requester_id, csrf, expires_at from portal_sessions
         where id_hash = $1 and expires_at > $2",
        id_hash, now
    )
}

/// Whose the session is from now on; nobody's, until somebody is confirmed at its installation.
pub async fn bind(tx: &mut Tx, id_hash: &str, requester: Option<RequesterId>) -> sqlx::Result<()> {
    sql!(
        execute tx, "update portal_sessions set requester_id = $2 where id_hash = $1", id_hash, requester.map(Text)
    )?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id_hash: &str) -> sqlx::Result<()> {
    sql!(execute tx, "delete from portal_sessions where id_hash = $1", id_hash)?;
    Ok(())
}

pub async fn prune(tx: &mut Tx, now: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from portal_sessions where expires_at < $1", now)
}
