//! Folders whose names stay: one that was made, and whatever was made in it, is on the disk for certain
//! when the folder around it has been flushed.

use std::{fs::File, io, path::Path};

/// Makes a folder, for this user alone; one that exists keeps the rights that it was given. Its name is on
/// the disk when this returns.
///
/// # Errors
/// Those of the file system.
pub fn make(folder: &Path) -> io::Result<()> {
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).count();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    // The nearest one each time: a start that was cut off may have made the folder and flushed nothing.
    for around in folder.ancestors().skip(1).take(missing.max(1)) {
        match flush(if around.as_os_str().is_empty() { Path::new(".") } else { around }) {
            // One that this user may not read is not one that was just made.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            flushed => flushed?,
        }
    }
    Ok(())
}

/// Makes a folder's entries durable. Windows opens no folder, and writes its entries with the file.
///
/// # Errors
/// Those of the file system.
pub fn flush(folder: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}
