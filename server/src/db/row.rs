//! How a row becomes a struct: the same for both databases, cell by cell, in the order of the columns.

use rusqlite::types::FromSql;
use sqlx::{Decode, Postgres, Type, postgres::PgRow};

/// What one column holds.
pub trait Value: for<'r> Decode<'r, Postgres> + Type<Postgres> + FromSql {}

impl<T: for<'r> Decode<'r, Postgres> + Type<Postgres> + FromSql> Value for T {}

/// The cells of a row, from the first column to the last.
pub trait Cells {
    /// # Errors
    /// Where there is no further column, or it holds something else.
    fn next<T: Value>(&mut self) -> sqlx::Result<T>;
}

/// A row: a tuple of values, or a struct that [`row!`] has made.
pub trait Row: Sized {
    /// Adds the names of its columns.
    fn names(names: &mut Vec<&'static str>);

    /// # Errors
    /// Where a column holds something else.
    fn read(cells: &mut impl Cells) -> sqlx::Result<Self>;
}

/// A part of a row: the value of one column, or a row itself, which stands for its columns.
pub trait Part: Sized {
    /// Adds the names of its columns; `field` is what the row calls it.
    fn names(field: &'static str, names: &mut Vec<&'static str>);

    /// # Errors
    /// Where a column holds something else.
    fn read(cells: &mut impl Cells) -> sqlx::Result<Self>;
}

impl<T: Value> Part for T {
    fn names(field: &'static str, names: &mut Vec<&'static str>) {
        names.push(field);
    }

    fn read(cells: &mut impl Cells) -> sqlx::Result<Self> {
        cells.next()
    }
}

/// Tuples have no names: their columns may be called as they like.
macro_rules! tuple {
    ($($part:ident)*) => {
        impl<$($part: Part),*> Row for ($($part,)*) {
            fn names(names: &mut Vec<&'static str>) {
                $( $part::names("", names); )*
            }

            fn read(cells: &mut impl Cells) -> sqlx::Result<Self> {
                Ok(($($part::read(cells)?,)*))
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);

/// A struct whose fields are the columns of a row, by name and in their order. A field that is such a struct itself
/// stands for its columns.
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty ),* $(,)?
        }
    ) => {
        $(#[$meta])* $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type ),*
        }

        impl $crate::db::Row for $name {
            fn names(names: &mut Vec<&'static str>) {
                $( <$type as $crate::db::Part>::names(stringify!($field), names); )*
            }

            fn read(cells: &mut impl $crate::db::Cells) -> sqlx::Result<Self> {
                Ok(Self { $( $field: $crate::db::Part::read(cells)? ),* })
            }
        }

        impl $crate::db::Part for $name {
            fn names(_: &'static str, names: &mut Vec<&'static str>) {
                <Self as $crate::db::Row>::names(names);
            }

            fn read(cells: &mut impl $crate::db::Cells) -> sqlx::Result<Self> {
                $crate::db::Row::read(cells)
            }
        }
    };
}

/// Refuses a statement whose columns are not those of its row, in their order: they would be mistaken for each other.
pub(super) fn check<'c, R: Row>(columns: impl Iterator<Item = &'c str>) -> sqlx::Result<()> {
    let mut names = Vec::new();
    R::names(&mut names);
    let columns: Vec<_> = columns.collect();
    let fits = names.len() == columns.len()
        && names.iter().zip(&columns).all(|(name, column)| name.is_empty() || name == column);
    if fits {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol(format!("the columns {columns:?} are not the row's {names:?}")))
    }
}

struct PgCells<'r> {
    row: &'r PgRow,
    next: usize,
}

impl Cells for PgCells<'_> {
    fn next<T: Value>(&mut self) -> sqlx::Result<T> {
        let index = self.next;
        self.next += 1;
        sqlx::Row::try_get(self.row, index)
    }
}

/// What PostgreSQL answered.
///
/// # Errors
/// Where its columns are not the row's.
pub fn read_all<R: Row>(rows: &[PgRow]) -> sqlx::Result<Vec<R>> {
    if let Some(row) = rows.first() {
        check::<R>(sqlx::Row::columns(row).iter().map(sqlx::Column::name))?;
    }
    rows.iter().map(|row| R::read(&mut PgCells { row, next: 0 })).collect()
}
