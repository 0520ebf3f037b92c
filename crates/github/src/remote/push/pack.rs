//! Objects as git sends them: a pack without deltas.
//!
//! A site is small and its files differ, so deltas would save little; without them the pack follows
//! from the objects alone, and any git can read it. Format: gitformat-pack(5).

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::objs::Kind;

use crate::Error;
use crate::objects::Object;

const VERSION: u32 = 2;

/// A pack of `objects`, each once.
pub(super) fn pack(objects: &[Object]) -> Result<Vec<u8>, Error> {
    let mut seen = BTreeSet::new();
    let once: Vec<&Object> = objects.iter().filter(|object| seen.insert(object.id)).collect();
    let count = u32::try_from(once.len()).map_err(|_| failed("it has too many objects"))?;
    let mut bytes = b"PACK".to_vec();
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(count.to_be_bytes());
    for object in once {
        bytes.extend(header(object.kind, object.bytes.len()));
        let mut deflated = ZlibEncoder::new(&mut bytes, Compression::default());
        deflated.write_all(&object.bytes).and_then(|()| deflated.finish().map(drop)).map_err(failed)?;
    }
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&bytes);
    bytes.extend(hasher.try_finalize().map_err(failed)?.as_slice());
    Ok(bytes)
}

/// Type and size: four bits of the size beside the type, then seven a byte, lowest first; the
/// highest bit says that more follow.
fn header(kind: Kind, size: usize) -> Vec<u8> {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |bits: usize, mask: usize| (bits & mask) as u8;
    let mut bytes = vec![kind << 4 | low(size, 0x0f)];
    let mut rest = size >> 4;
    while rest > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(low(rest, 0x7f));
        rest >>= 7;
    }
    bytes
}

fn failed(reason: impl ToString) -> Error {
    Error::Draft { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_takes_as_many_bytes_as_it_needs() {
        for (size, expected) in [
            (0, vec![0x30]),
            (15, vec![0x3f]),
            (16, vec![0xb0, 0x01]),
            (2047, vec![0xbf, 0x7f]),
            (2048, vec![0xb0, 0x80, 0x01]),
        ] {
            assert_eq!(header(Kind::Blob, size), expected, "{size}");
        }
    }
}
