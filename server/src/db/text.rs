//! Ids and words in the database: stored as their text.

use std::{error::Error, fmt::Display, ops::Deref, str::FromStr};

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use sqlx::{Database, Decode, Encode, Type, encode::IsNull};

/// A value whose column holds its text: [`deskbell_protocol::id`]'s ids, and words such as a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Text<T>(pub T);

impl<T> Deref for Text<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, D: Database> Type<D> for Text<T>
where
    String: Type<D>,
{
    fn type_info() -> D::TypeInfo {
        <String as Type<D>>::type_info()
    }

    fn compatible(ty: &D::TypeInfo) -> bool {
        <String as Type<D>>::compatible(ty)
    }
}

impl<'q, T: Display, D: Database> Encode<'q, D> for Text<T>
where
    String: Encode<'q, D>,
{
    fn encode_by_ref(
        &self,
        buffer: &mut <D as Database>::ArgumentBuffer,
    ) -> Result<IsNull, Box<dyn Error + Send + Sync>> {
        self.0.to_string().encode(buffer)
    }
}

impl<'r, T, D: Database> Decode<'r, D> for Text<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
    String: Decode<'r, D>,
{
    fn decode(value: <D as Database>::ValueRef<'r>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(<String as Decode<'r, D>>::decode(value)?.parse()?))
    }
}

impl<T: Display> ToSql for Text<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl<T> FromSql for Text<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}
