//! Those who work in the console.

use deskbell_protocol::{Millis, id::TechnicianId, ticket::Language};
use serde::{Deserialize, Serialize};

use super::{Text, Tx};
use crate::{row, sql};

/// What a technician may do; each may all that the ones below may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    ReadOnly,
    /// Works tickets.
    Technician,
    /// Manages clients, keys, devices and people.
    Admin,
    /// The one who set the server up.
    Owner,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read_only",
            Self::Technician => "technician",
            Self::Admin => "admin",
            Self::Owner => "owner",
        })
    }
}

impl std::str::FromStr for Role {
    type Err = deskbell_protocol::ticket::UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::ReadOnly, Self::Technician, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.to_string() == text)
            .ok_or_else(|| deskbell_protocol::ticket::UnknownWord(text.to_owned()))
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct Technician {
        pub id: Text<TechnicianId>,
        pub email: String,
        pub name: String,
        pub role: Text<Role>,
        pub language: Text<Language>,
        pub password_hash: String,
    }
}

pub(super) const COLUMNS: &str = "id, email, name, role, language, password_hash";

pub async fn insert(tx: &mut Tx, technician: &Technician, now: Millis) -> sqlx::Result<()> {
    sql!(
        execute tx,
        "insert into technicians (id, email, name, role, language, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        technician.id, &technician.email, &technician.name, technician.role, technician.language,
        &technician.password_hash, now
    )?;
    Ok(())
}

pub async fn by_email(tx: &mut Tx, email: &str) -> sqlx::Result<Option<Technician>> {
    sql!(
        optional tx, Technician,
        format!("select {COLUMNS} from technicians where email = $1 and disabled_at is null"), email
    )
}

pub async fn find(tx: &mut Tx, id: TechnicianId) -> sqlx::Result<Option<Technician>> {
    sql!(
        optional tx, Technician,
        format!("select {COLUMNS} from technicians where id = $1 and disabled_at is null"), Text(id)
    )
}

pub async fn all(tx: &mut Tx) -> sqlx::Result<Vec<Technician>> {
    sql!(all tx, Technician, format!("select {COLUMNS} from technicians where disabled_at is null order by name"))
}

pub async fn set_language(tx: &mut Tx, id: TechnicianId, language: Language) -> sqlx::Result<()> {
    sql!(execute tx, "update technicians set language = $1 where id = $2", Text(language), Text(id))?;
    Ok(())
}

pub async fn set_password(tx: &mut Tx, id: TechnicianId, hash: &str) -> sqlx::Result<()> {
    sql!(execute tx, "update technicians set password_hash = $1 where id = $2", hash, Text(id))?;
    Ok(())
}
