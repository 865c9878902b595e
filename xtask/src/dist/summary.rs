//! When an msi says it was made. No tool that is at hand sets it, and it would make each one differ.
//!
//! The summary is a property set ([MS-OLEPS]) in a stream of its own; it is small enough to lie in one piece.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

/// F29F85E0-4FF9-1068-AB91-08002B27B3D9: the format of a summary.
const FORMAT: [u8; 16] =
    [0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9];
/// From the format's name to the place of its section: the header before it is 28 bytes long.
const HEADER: usize = 28;
const CREATED: u32 = 12;
const SAVED: u32 = 13;
const FILETIME: u32 = 64;

pub(super) fn set_times(msi: &Path, epoch: u64) -> Result<()> {
    let mut bytes = fs::read(msi)?;
    let start = bytes.windows(16).position(|part| part == FORMAT).context("the msi has no summary")?;
    let stream = start.checked_sub(HEADER).context("the summary has no header")?;
    patch(&mut bytes[stream..], epoch)?;
    Ok(fs::write(msi, bytes)?)
}

/// Both times, in tenths of a microsecond since 1601.
fn patch(stream: &mut [u8], epoch: u64) -> Result<()> {
    let time = ((epoch + 11_644_473_600) * 10_000_000).to_le_bytes();
    let section = number(stream, HEADER + 16)? as usize;
    let count = number(stream, section + 4)? as usize;
    let mut set = 0;
    for index in 0..count {
        let entry = section + 8 + index * 8;
        if matches!(number(stream, entry)?, CREATED | SAVED) {
            let value = section + number(stream, entry + 4)? as usize;
            ensure!(number(stream, value)? == FILETIME, "a time of the summary is of another type");
            stream.get_mut(value + 4..value + 12).context("the summary is cut off")?.copy_from_slice(&time);
            set += 1;
        }
    }
    ensure!(set == 2, "{set} times stand in the summary");
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..at + 4).context("the summary is cut off")?;
    Ok(u32::from_le_bytes(four.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_are_set_and_nothing_else() {
        let words = |list: &[u32]| list.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut stream = vec![0; HEADER];
        stream.extend(FORMAT);
        stream.extend(words(&[48, 56, 3, 14, 32, SAVED, 40, CREATED, 52, 3, 7, FILETIME, 1, 2, FILETIME, 3, 4]));
        let before = stream.clone();
        patch(&mut stream, 0).unwrap();
        let changed: Vec<usize> = (0..stream.len()).filter(|at| stream[*at] != before[*at]).collect();
        assert!(changed.iter().all(|at| (92..100).contains(at) || (104..112).contains(at)), "{changed:?}");
        assert_eq!(stream[92..100], 116_444_736_000_000_000_u64.to_le_bytes(), "1970 as Windows counts");
        assert!(patch(&mut stream[..60], 0).is_err());
    }
}
