//! To be written by its owner; removed by the lead where it is not.

use anyhow::{Result, bail};

use super::{Found, Order};

pub(super) async fn run(_order: Order) -> Result<Found> {
    bail!("not there yet")
}
