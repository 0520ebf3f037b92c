//! What the `git` program tells of a repository, as objects and refs of the stand-in.

use std::collections::BTreeMap;
use std::io;

use time::{OffsetDateTime, UtcOffset};

use crate::github::objects::{Commit, Entry, Mode, Object, ObjectId, Signature};

/// The refs that a push wants to move, from the head of its body.
pub(super) fn commands(mut body: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((digits, rest)) = body.split_at_checked(4) {
        let length = std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some((line, rest)) = length.and_then(|length| rest.split_at_checked(length.checked_sub(4)?)) else { break };
        body = rest;
        let text = String::from_utf8_lossy(line.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        names.extend(text.trim_end().split(' ').nth(2).map(str::to_owned));
    }
    names
}

/// Lines of `id name`.
pub(super) fn refs(listed: &[u8]) -> io::Result<BTreeMap<String, ObjectId>> {
    let text = String::from_utf8_lossy(listed).into_owned();
    let refs = text.lines().map(|line| {
        let (id, name) = line.split_once(' ')?;
        Some((name.to_owned(), id.parse().ok()?))
    });
    refs.collect::<Option<_>>().ok_or_else(|| strange("refs"))
}

/// The output of `git cat-file --batch`: for each object `id kind size`, its bytes, a line end.
pub(super) fn objects(mut listed: &[u8]) -> io::Result<Vec<Object>> {
    let mut objects = Vec::new();
    while !listed.is_empty() {
        let end = listed.iter().position(|byte| *byte == b'\n').ok_or_else(|| strange("objects"))?;
        let head = String::from_utf8_lossy(&listed[..end]).into_owned();
        let fields: Vec<&str> = head.split(' ').collect();
        let [id, kind, size] = fields[..] else { return Err(strange("objects")) };
        let size: usize = size.parse().map_err(|_| strange("objects"))?;
        let (bytes, rest) = listed[end + 1..].split_at_checked(size).ok_or_else(|| strange("objects"))?;
        listed = rest.get(1..).unwrap_or_default();
        let object = object(kind, bytes).ok_or_else(|| strange(kind))?;
        // What is not read to the last byte would come back as something else.
        if object.id().to_string() != id {
            return Err(strange(id));
        }
        objects.push(object);
    }
    Ok(objects)
}

fn object(kind: &str, bytes: &[u8]) -> Option<Object> {
    match kind {
        "blob" => Some(Object::Blob(bytes.to_vec().into())),
        "tree" => tree(bytes),
        "commit" => commit(std::str::from_utf8(bytes).ok()?),
        _ => None,
    }
}

fn tree(mut bytes: &[u8]) -> Option<Object> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (mode, name) = std::str::from_utf8(&bytes[..end]).ok()?.split_once(' ')?;
        let (id, rest) = bytes[end + 1..].split_at_checked(20)?;
        entries.push(Entry {
            mode: Mode::parse(&format!("{mode:0>6}"))?,
            name: name.to_owned(),
            id: hex::encode(id).parse().ok()?,
        });
        bytes = rest;
    }
    Some(Object::tree(entries))
}

fn commit(text: &str) -> Option<Object> {
    let (head, message) = text.split_once("\n\n")?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let parents = head.lines().filter_map(|line| line.strip_prefix("parent "));
    Some(Object::Commit(Box::new(Commit {
        tree: field("tree")?.parse().ok()?,
        parents: parents.map(|id| id.parse().ok()).collect::<Option<_>>()?,
        author: signature(field("author")?)?,
        committer: signature(field("committer")?)?,
        message: message.to_owned(),
    })))
}

/// `Name <address> seconds +hhmm`.
fn signature(text: &str) -> Option<Signature> {
    let (name, rest) = text.split_once(" <")?;
    let (email, rest) = rest.split_once("> ")?;
    let (seconds, zone) = rest.split_once(' ')?;
    let (hours, minutes) = zone.split_at_checked(3)?;
    let hours: i8 = hours.parse().ok()?;
    let minutes: i8 = minutes.parse().ok()?;
    let offset = UtcOffset::from_hms(hours, minutes * if zone.starts_with('-') { -1 } else { 1 }, 0).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?.to_offset(offset);
    Some(Signature { name: name.to_owned(), email: email.to_owned(), at })
}

fn strange(what: &str) -> io::Error {
    io::Error::other(format!("git's answer about {what} has another form"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_comes_back_as_it_was() {
        let id = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        for zone in ["+0000", "+0530", "-0330"] {
            let who = format!("A U Thor <a@example.org> 1795000000 {zone}");
            let text = format!("tree {id}\nparent {id}\nauthor {who}\ncommitter {who}\n\nSubject\n\nBody\n");
            assert_eq!(commit(&text).unwrap().content(), text.as_bytes(), "{zone}");
        }
    }
}
