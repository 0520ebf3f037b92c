//! What the other side says: which branches there are, and what became of a push. Formats:
//! gitprotocol-pack(5), gitprotocol-http(5).

use std::collections::BTreeMap;

use shared_types::CommitSha;

use super::pkt::{Malformed, Packet, lines};

/// What a push sends for "there is none": as long as an id.
pub(super) const NONE: &str = "0000000000000000000000000000000000000000";
/// GitHub's words are cut to this.
const MAX_WORDS: usize = 600;

/// Branches and tags with what they point to, by full name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refs(BTreeMap<String, CommitSha>);

impl Refs {
    /// What `name`, such as `refs/heads/main`, points to.
    pub(crate) fn get(&self, name: &str) -> Option<&CommitSha> {
        self.0.get(name)
    }
}

/// What became of a push that was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    Accepted,
    Declined {
        /// The other side's words.
        reason: String,
    },
}

/// Reads the answer to `info/refs?service=git-receive-pack`.
pub(super) fn refs(body: &[u8]) -> Result<Refs, Malformed> {
    let mut packets = lines(body);
    match packets.next() {
        Some(Ok(Packet::Data(line))) if line.starts_with(b"# service=git-receive-pack") => {}
        _ => return Err(Malformed),
    }
    let mut refs = Refs::default();
    for packet in packets {
        let Packet::Data(line) = packet? else { continue };
        // Behind the first name, after a zero, is what the other side can do.
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| Malformed)?.trim_end();
        let (id, name) = line.split_once(' ').ok_or(Malformed)?;
        // A line without a ref carries only what the other side can do.
        if id != NONE {
            refs.0.insert(name.to_owned(), id.parse().map_err(|_| Malformed)?);
        }
    }
    Ok(refs)
}

/// Reads the answer to `git-receive-pack`: lines within bands, of which the first is the report
/// and the others are for people.
pub(super) fn report(body: &[u8]) -> Result<Report, Malformed> {
    let (mut inner, mut words) = (Vec::new(), String::new());
    for packet in lines(body) {
        match packet? {
            Packet::Data([1, bytes @ ..]) => inner.extend(bytes),
            Packet::Data([2 | 3, bytes @ ..]) => words.push_str(&String::from_utf8_lossy(bytes)),
            Packet::Data(_) => return Err(Malformed),
            Packet::Flush => {}
        }
    }
    let mut reasons = Vec::new();
    let mut lines_read = 0;
    for packet in lines(&inner) {
        let Packet::Data(line) = packet? else { continue };
        lines_read += 1;
        let line = String::from_utf8_lossy(line).trim_end().to_owned();
        if line != "unpack ok" && !line.starts_with("ok ") {
            reasons.push(line);
        }
    }
    if lines_read == 0 && words.trim().is_empty() {
        return Err(Malformed);
    }
    if lines_read > 0 && reasons.is_empty() {
        return Ok(Report::Accepted);
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = reasons.into_iter().chain([words]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
    Ok(Report::Declined { reason })
}

#[cfg(test)]
mod tests {
    use super::super::pkt::{put_flush, put_line};
    use super::*;

    const ID: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    fn advertised(first: &str) -> Vec<u8> {
        let mut body = Vec::new();
        put_line(&mut body, "# service=git-receive-pack\n");
        put_flush(&mut body);
        put_line(&mut body, first);
        put_line(&mut body, &format!("{ID} refs/tags/round-1\n"));
        put_flush(&mut body);
        body
    }

    #[test]
    fn branches_are_read_with_or_without_a_commit() {
        let read = refs(&advertised(&format!("{ID} refs/heads/main\0 atomic report-status\n"))).unwrap();
        assert_eq!(read.get("refs/heads/main").map(CommitSha::as_str), Some(ID));
        assert_eq!(read.get("refs/tags/round-1").map(CommitSha::as_str), Some(ID));
        let empty = refs(&advertised(&format!("{NONE} capabilities^{{}}\0 atomic\n"))).unwrap();
        assert_eq!(empty.get("refs/heads/main"), None);
        assert_eq!(refs(b"<!doctype html>"), Err(Malformed));
        assert_eq!(refs(b""), Err(Malformed));
    }

    fn answered(report: &[&str], words: &str) -> Vec<u8> {
        let (mut inner, mut body) = (Vec::new(), Vec::new());
        report.iter().for_each(|line| put_line(&mut inner, line));
        put_flush(&mut inner);
        if !report.is_empty() {
            put_line(&mut body, &format!("\u{1}{}", String::from_utf8(inner).unwrap()));
        }
        if !words.is_empty() {
            put_line(&mut body, &format!("\u{2}{words}"));
        }
        put_flush(&mut body);
        body
    }

    #[test]
    fn a_report_says_accepted_or_why_not() {
        let check = |lines: &[&str], words: &str, expected: Result<Report, Malformed>| {
            assert_eq!(report(&answered(lines, words)), expected, "{lines:?} {words:?}");
        };
        let declined = |reason: &str| Ok(Report::Declined { reason: reason.to_owned() });
        check(&["unpack ok\n", "ok refs/heads/main\n", "ok refs/tags/round-1\n"], "Resolving", Ok(Report::Accepted));
        check(&["unpack ok\n", "ng refs/heads/main stale\n"], "", declined("ng refs/heads/main stale"));
        let rules = "error: GH013:\n  rules";
        let both = "ng refs/heads/main declined; error: GH013: rules";
        check(&["unpack ok\n", "ng refs/heads/main declined\n"], rules, declined(both));
        check(&[], "fatal: out of order", declined("fatal: out of order"));
        check(&[], "", Err(Malformed));
    }
}
