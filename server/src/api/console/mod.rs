//! What the console calls. Every endpoint but signing in takes a technician.

use serde::Serialize;

use crate::error::{ApiError, ApiResult};

pub mod agent_settings;
pub mod attachments;
pub mod clients;
pub mod devices;
pub mod enablement;
pub mod enrolment_keys;
pub mod history;
pub mod installations;
pub mod live;
pub mod mail;
pub mod overview;
pub mod people;
pub mod session;
pub mod tickets;
pub(crate) mod versions;

/// Something with its id and what people call it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Named<T> {
    pub id: T,
    pub name: String,
}

/// Rows of one page at most.
const PAGE_ROWS: usize = 200;
const PAGE_ROWS_DEFAULT: usize = 50;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    offset: usize,
    limit: usize,
}

impl Page {
    fn new(cursor: Option<&str>, limit: Option<usize>) -> ApiResult<Self> {
        let offset = cursor.map_or(Ok(0), str::parse).map_err(|_| ApiError::malformed("cursor is not one of ours"))?;
        Ok(Self { offset, limit: limit.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS) })
    }

    /// The cursor of the page behind this one, which has `shown` of `total` rows.
    fn next(self, shown: usize, total: usize) -> Option<String> {
        let end = self.offset + shown;
        (shown > 0 && end < total).then(|| end.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_end() {
        let first = Page::new(None, Some(2)).unwrap();
        let second = Page::new(first.next(2, 3).as_deref(), Some(2)).unwrap();
        assert_eq!(second, Page { offset: 2, limit: 2 });
        assert_eq!(second.next(1, 3), None);
        assert_eq!(Page::new(None, Some(9_999)).unwrap().limit, PAGE_ROWS);
        assert!(Page::new(Some("x"), None).is_err());
    }
}
