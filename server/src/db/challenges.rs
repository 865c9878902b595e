//! Tokens that were e-mailed and not typed yet.

use deskbell_protocol::{
    Millis,
    id::{ClientId, InstallationId},
    ticket::Language,
};
use uuid::Uuid;

use super::{Text, Tx};
use crate::{row, sql};

row! {
    #[derive(Clone, Debug)]
    pub struct Challenge {
        pub id: Text<Uuid>,
        pub installation_id: Text<InstallationId>,
        pub client_id: Text<ClientId>,
        pub email: String,
        pub name: String,
        pub language: Text<Language>,
        pub token_hmac: String,
        /// Whether its mail is sent. Somebody whose access has ended gets none.
        pub deliverable: bool,
        pub tries_left: i64,
        pub expires_at: Millis,
        pub created_at: Millis,
    }
}

/// The newest token replaces those before it.
pub async fn insert(tx: &mut Tx, challenge: &Challenge) -> sqlx::Result<()> {
    sql!(
        execute tx, "update challenges set spent_at = $2 where installation_id = $1 and spent_at is null",
        challenge.installation_id, challenge.created_at
    )?;
    sql!(
        execute tx,
        "insert into challenges (id, installation_id, client_id, email, name, language, token_hmac, deliverable,
         tries_left, expires_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $11, $8, $9, $10)",
        challenge.id, challenge.installation_id, challenge.client_id, &challenge.email, &challenge.name,
        challenge.language, &challenge.token_hmac, challenge.tries_left, challenge.expires_at, challenge.created_at,
        challenge.deliverable
    )?;
    Ok(())
}

/// The token that waits at an installation, expired or not.
pub async fn waiting(tx: &mut Tx, installation: InstallationId) -> sqlx::Result<Option<Challenge>> {
    sql!(
        optional tx, Challenge,
        "select id, installation_id, client_id, email, name, language, token_hmac, deliverable, tries_left, expires_at,
         created_at from challenges where installation_id = $1 and spent_at is null order by created_at desc limit 1",
        Text(installation)
    )
}

/// Takes one try before the token is compared, so that tries made at the same time all count.
/// Gives what is left, or nothing where none was.
pub async fn take_try(tx: &mut Tx, id: Uuid) -> sqlx::Result<Option<i64>> {
    let row: Option<(i64,)> = sql!(
        optional tx, (i64,),
        "update challenges set tries_left = tries_left - 1 where id = $1 and tries_left > 0 and spent_at is null
         returning tries_left",
        Text(id)
    )?;
    Ok(row.map(|(left,)| left))
}

pub async fn spend(tx: &mut Tx, id: Uuid, now: Millis) -> sqlx::Result<()> {
    sql!(execute tx, "update challenges set spent_at = $2 where id = $1", Text(id), now)?;
    Ok(())
}

pub async fn spend_of(tx: &mut Tx, installation: InstallationId, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx, "update challenges set spent_at = $2 where installation_id = $1 and spent_at is null",
        Text(installation), now
    )?;
    Ok(())
}

/// Whether the mail of a token may be sent.
pub async fn deliverable(tx: &mut Tx, id: Uuid) -> sqlx::Result<bool> {
    let row: Option<(bool,)> =
        sql!(optional tx, (bool,), "select deliverable from challenges where id = $1", Text(id))?;
    Ok(row.is_some_and(|(deliverable,)| deliverable))
}

/// Forgets those that expired before a time.
pub async fn prune(tx: &mut Tx, before: Millis) -> sqlx::Result<u64> {
    sql!(execute tx, "delete from challenges where expires_at < $1", before)
}
