//! To be written by its owner; removed by the lead where it is not.

use anyhow::Result;

use super::Figure;

pub(super) fn run(_wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Figure>> {
    Ok(Vec::new())
}
