//! Looking at a write-ahead log before SQLite does.
//!
//! SQLite takes the first frame that is not whole for the end of the log, which is right
//! after a crash. But a commit is synced before the next one begins: where a whole commit
//! and more come after such a frame, it was whole once, and events that were acknowledged
//! would be lost without a word. Format: <https://www.sqlite.org/fileformat2.html#walformat>.
//! Never here: mending.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The magic numbers; the second says that checksums read words in big-endian order.
const LITTLE: u32 = 0x377f_0682;
const BIG: u32 = 0x377f_0683;

/// The frame that is damaged; none where the log is whole, torn at its end, or not there.
pub(super) fn damaged_frame(path: &Path) -> io::Result<Option<u64>> {
    match File::open(path) {
        Ok(file) => scan(BufReader::with_capacity(1 << 20, file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The big-endian word at an offset.
fn word(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes.get(offset..).and_then(|rest| rest.first_chunk::<4>());
    word.map_or(0, |word| u32::from_be_bytes(*word))
}

fn checksum(big: bool, bytes: &[u8], (mut first, mut second): (u32, u32)) -> (u32, u32) {
    let (pairs, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in pairs {
        let read = if big { u32::from_be_bytes } else { u32::from_le_bytes };
        first = first.wrapping_add(read([a, b, c, d])).wrapping_add(second);
        second = second.wrapping_add(read([e, f, g, h])).wrapping_add(first);
    }
    (first, second)
}

/// Fills the buffer; false where the file ends before that.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn scan(mut file: impl Read) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? || !matches!(word(&header, 0), LITTLE | BIG) {
        return Ok(None);
    }
    let big = word(&header, 0) == BIG;
    let page = word(&header, 8) as usize;
    if !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        return Ok(None);
    }
    let salts = (word(&header, 16), word(&header, 20));
    let mut sum = checksum(big, header.get(..24).unwrap_or_default(), (0, 0));
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut number, mut broken, mut committed_after) = (0, None, false);
    while fill(&mut file, &mut frame)? {
        // Frames of an older log in the same file have other salts.
        if (word(&frame, 8), word(&frame, 12)) != salts {
            break;
        }
        if committed_after {
            return Ok(broken);
        }
        let (head, content) = frame.split_at(FRAME_HEADER);
        sum = checksum(big, content, checksum(big, head.get(..8).unwrap_or_default(), sum));
        if broken.is_none() && sum != (word(head, 16), word(head, 20)) {
            broken = Some(number);
        }
        committed_after = broken.is_some() && word(head, 4) != 0;
        number += 1;
    }
    Ok(None)
}
