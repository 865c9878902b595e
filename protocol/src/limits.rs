//! Every limit that both ends know, in one place. Refused at the moment of adding, with the limit
//! named; the server checks the same numbers again.

use crate::Millis;

/// Characters (Unicode scalar values) of a ticket's subject.
pub const SUBJECT_CHARS: usize = 200;
/// Characters of a description, a reply or a note.
pub const TEXT_CHARS: usize = 20_000;
/// Characters of a person's full name.
pub const NAME_CHARS: usize = 120;
/// Octets of an e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES: usize = 254;
/// Characters of an attachment's file name.
pub const FILE_NAME_CHARS: usize = 255;
/// Characters of what a device says of itself: each of its facts, its agent's version, and a file's type.
pub const FACT_CHARS: usize = 255;
/// Bytes of one file: 25 MB.
pub const FILE_BYTES: u64 = 25 * MB;
/// Files of one ticket or one reply.
pub const FILES: usize = 10;
/// Bytes of all files of one ticket: 100 MB.
pub const TICKET_BYTES: u64 = 100 * MB;
/// Bytes that the outbox holds on a device: 2 GB.
pub const OUTBOX_BYTES: u64 = 2048 * MB;
/// Bytes of one piece of an attachment's upload.
pub const PIECE_BYTES: usize = MB as usize;
/// Items of one sync.
pub const SYNC_ITEMS: usize = 50;
/// Bytes of one update of the agent.
pub const UPDATE_BYTES: u64 = 256 * MB;
/// Bytes of any other request's body: room for one sync of full-length texts.
pub const BODY_BYTES: usize = 8 * MB as usize;

/// How far a request's `created` may be from the server's clock, either way.
pub const CLOCK_WINDOW_SECONDS: i64 = 120;

/// How long a confirmation token is valid.
pub const TOKEN_LIFETIME: Millis = 10 * 60 * 1000;
/// Wrong entries of one token; the fifth ends it.
pub const TOKEN_TRIES: u32 = 5;
/// Tokens sent to one address, and asked for by one installation, within an hour.
pub const TOKENS_PER_HOUR: u32 = 3;

/// How long a link that opens the ticket form in a browser can be used: the time that a browser takes to start.
pub const HANDOVER_LIFETIME: Millis = 60 * 1000;
/// Such links for one installation within an hour.
pub const HANDOVERS_PER_HOUR: u32 = 60;
/// How long the page that such a link opened may be used: the time that a long ticket takes to write.
pub const PORTAL_LIFETIME: Millis = 60 * 60 * 1000;

/// The heartbeat of a live connection, in seconds.
pub const LIVE_HEARTBEAT_SECONDS: u64 = 25;
/// How often an agent asks where a proxy lets no live connection through, in seconds.
pub const POLL_SECONDS: u64 = 60;

const MB: u64 = 1024 * 1024;
