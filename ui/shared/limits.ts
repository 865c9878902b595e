// `protocol/src/limits.rs`, where a page says or keeps them. Whoever takes the files checks them again.

const MB = 1024 * 1024;

export const FILE_BYTES = 25 * MB;
export const FILES = 10;
export const TICKET_BYTES = 100 * MB;
export const PIECE_BYTES = MB;
