//! Git objects: the bytes git would store and the ids git would give them.
//!
//! Invariant: [`Object::id`] is the SHA-1 that the `git` program computes for the same object.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;

/// SHA-1 of an object, shown as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `100644`
    File,
    /// `100755`
    Executable,
    /// `120000`
    Link,
    /// `040000`
    Directory,
    /// `160000`
    Submodule,
}

/// One line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File, directory, ...
    pub mode: Mode,
    /// One path segment.
    pub name: String,
    /// The blob, tree or commit.
    pub id: ObjectId,
}

/// Who, and when to the second, with the offset that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name, without what git would strip.
    pub name: String,
    /// Address.
    pub email: String,
    /// When.
    pub at: OffsetDateTime,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents, in order.
    pub parents: Vec<ObjectId>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The message, byte for byte as it was sent.
    pub message: String,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// Bytes of a file.
    Blob(Bytes),
    /// A directory, in git's order.
    Tree(Vec<Entry>),
    /// A commit.
    Commit(Box<Commit>),
}

impl Object {
    /// A tree with its entries put into git's order: by name, directories as if they ended in `/`.
    #[must_use]
    pub fn tree(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(Entry::sort_key);
        Self::Tree(entries)
    }

    /// `blob`, `tree` or `commit`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Blob(_) => "blob",
            Self::Tree(_) => "tree",
            Self::Commit(_) => "commit",
        }
    }

    /// The id that git gives the object.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let content = self.content();
        let mut hash = Sha1::new();
        hash.update(format!("{} {}\0", self.kind(), content.len()));
        hash.update(&content);
        ObjectId(hash.finalize().into())
    }

    /// The bytes that git stores after the object's header.
    #[must_use]
    pub fn content(&self) -> Bytes {
        match self {
            Self::Blob(bytes) => bytes.clone(),
            Self::Tree(entries) => entries.iter().flat_map(Entry::encode).collect(),
            Self::Commit(commit) => commit.encode().into(),
        }
    }
}

impl Entry {
    fn sort_key(&self) -> String {
        match self.mode {
            Mode::Directory => format!("{}/", self.name),
            _ => self.name.clone(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        // Git writes a directory's mode without the leading zero that the API shows.
        let mode = self.mode.as_str().trim_start_matches('0');
        let mut line = format!("{mode} {}\0", self.name).into_bytes();
        line.extend_from_slice(&self.id.0);
        line
    }
}

impl Mode {
    /// Six octal digits, as the API shows them.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Directory => "040000",
            Self::Submodule => "160000",
        }
    }

    /// The kind of object that an entry of this mode names.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Directory => "tree",
            Self::Submodule => "commit",
            Self::File | Self::Executable | Self::Link => "blob",
        }
    }

    /// The mode of six octal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::File, Self::Executable, Self::Link, Self::Directory, Self::Submodule]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

impl Signature {
    /// A signature; `name` and `email` lose what git itself strips from them.
    #[must_use]
    pub fn new(name: &str, email: &str, at: OffsetDateTime) -> Self {
        Self { name: without_crud(name), email: without_crud(email), at }
    }

    fn encode(&self) -> String {
        let (hours, minutes, _) = self.at.offset().as_hms();
        let sign = if self.at.offset().is_negative() { '-' } else { '+' };
        let seconds = self.at.unix_timestamp();
        format!("{} <{}> {seconds} {sign}{:02}{:02}", self.name, self.email, hours.abs(), minutes.abs())
    }
}

/// What git does to a name before it writes it: no `<`, `>` and newlines anywhere, and none of
/// git's other separators at either end.
fn without_crud(text: &str) -> String {
    let is_crud = |c: char| c <= ' ' || matches!(c, '.' | ',' | ':' | ';' | '<' | '>' | '"' | '\\' | '\'');
    text.trim_matches(is_crud).chars().filter(|c| !matches!(c, '<' | '>' | '\n')).collect()
}

impl Commit {
    fn encode(&self) -> String {
        let parents: String = self.parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        format!(
            "tree {}\n{parents}author {}\ncommitter {}\n\n{}",
            self.tree,
            self.author.encode(),
            self.committer.encode(),
            self.message
        )
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = hex::FromHexError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 20];
        hex::decode_to_slice(text, &mut id)?;
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_ids_are_computed() {
        assert_eq!(Object::Blob(Bytes::new()).id().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(Object::tree(Vec::new()).id().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn a_directory_sorts_as_if_it_ended_in_a_slash() {
        let id = Object::Blob(Bytes::new()).id();
        let entry = |mode, name: &str| Entry { mode, name: name.to_owned(), id };
        let Object::Tree(entries) =
            Object::tree(vec![entry(Mode::Directory, "a"), entry(Mode::File, "a.txt"), entry(Mode::File, "a0")])
        else {
            panic!("not a tree");
        };
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a.txt", "a", "a0"]);
    }

    #[test]
    fn names_lose_what_git_strips() {
        assert_eq!(without_crud(" \"A <b> C.\"\n"), "A b C");
    }
}
