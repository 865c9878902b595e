//! Who makes a request. A handler that takes one of these types cannot be reached by anybody else.

pub mod device;
pub mod portal;
pub mod technician;
