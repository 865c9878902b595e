//! To be written by its owner; removed by the lead where it is not.

use anyhow::Result;

use super::{Extent, Figure};

pub(super) async fn run(_wanted: &dyn Fn(&str) -> bool, _extent: Extent) -> Result<Vec<Figure>> {
    Ok(Vec::new())
}
