//! What a page calls that a device opened in a browser: the ticket form, and who sits there. Every
//! address but the one that trades a link takes [`crate::auth::portal::PortalPage`].

pub mod attachments;
pub mod confirmation;
pub mod session;
pub mod tickets;
