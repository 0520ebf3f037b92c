//! The lines of git's protocols: four hexadecimal digits of length, then bytes. Format:
//! gitprotocol-common(5).

/// The length counts its own digits.
const LENGTH_DIGITS: usize = 4;
/// What a line may carry.
pub(super) const MAX_PAYLOAD: usize = 65_516;

/// One line that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Data(&'a [u8]),
    /// `0000`: the end of a part.
    Flush,
}

/// The bytes are no lines of git's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Appends a line. What is longer than [`MAX_PAYLOAD`] is cut; nothing here comes near it.
pub(super) fn put_line(out: &mut Vec<u8>, payload: &str) {
    let payload = &payload.as_bytes()[..payload.len().min(MAX_PAYLOAD)];
    out.extend(format!("{:04x}", payload.len() + LENGTH_DIGITS).into_bytes());
    out.extend(payload);
}

/// Appends the end of a part.
pub(super) fn put_flush(out: &mut Vec<u8>) {
    out.extend(b"0000");
}

/// The lines in `bytes`; ends at the first that is malformed.
pub(super) fn lines(mut bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let line = take(&mut bytes);
        if line.is_err() {
            bytes = &[];
        }
        Some(line)
    })
}

fn take<'a>(bytes: &mut &'a [u8]) -> Result<Packet<'a>, Malformed> {
    let (digits, rest) = bytes.split_at_checked(LENGTH_DIGITS).ok_or(Malformed)?;
    let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    let length = usize::from_str_radix(digits, 16).map_err(|_| Malformed)?;
    if length == 0 {
        *bytes = rest;
        return Ok(Packet::Flush);
    }
    let payload = length.checked_sub(LENGTH_DIGITS).ok_or(Malformed)?;
    let (payload, rest) = rest.split_at_checked(payload).ok_or(Malformed)?;
    *bytes = rest;
    Ok(Packet::Data(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        put_line(&mut bytes, "a\n");
        put_flush(&mut bytes);
        assert_eq!(bytes, b"0006a\n0000");
        let read: Vec<_> = lines(&bytes).collect();
        assert_eq!(read, [Ok(Packet::Data(b"a\n")), Ok(Packet::Flush)]);
    }

    #[test]
    fn what_is_no_line_is_told() {
        for bytes in [&b"00"[..], b"0001", b"0003", b"zzzz", b"0009a", b"<htm", b"\xff\xff\xff\xff"] {
            assert_eq!(lines(bytes).last(), Some(Err(Malformed)), "{bytes:?}");
        }
    }
}
