//! A commit draft as git objects, by computation alone: both adapters use it, so that a plan is the
//! same wherever it is carried out.
//!
//! Invariant: the same draft gives the same objects, in an order in which every object comes after
//! those it refers to.

use std::collections::BTreeMap;

use bytes::Bytes;
use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Kind, WriteTo};
use ports::{Author, CommitDraft};
use shared_types::{CommitSha, SitePath, Timestamp};

use crate::Error;

/// One object, ready to be stored.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) bytes: Bytes,
}

/// All objects of one draft.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) commit: ObjectId,
    /// Blobs, then trees, then the commit.
    pub(crate) objects: Vec<Object>,
}

enum Node {
    File(ObjectId),
    Folder(Folder),
}

type Folder = BTreeMap<String, Node>;

/// The objects of `draft`.
pub(crate) fn assemble(draft: &CommitDraft) -> Result<Assembled, Error> {
    let mut objects = Vec::with_capacity(draft.site.len() + 2);
    let mut root = Folder::new();
    for (path, bytes) in draft.site.iter() {
        let blob = object(Kind::Blob, bytes.clone())?;
        place(&mut root, path, blob.id)?;
        objects.push(blob);
    }
    let tree = store_folder(root, &mut objects)?;
    let commit = serialized(&commit_of(draft, tree)?)?;
    let id = commit.id;
    objects.push(commit);
    Ok(Assembled { commit: id, objects })
}

/// The id of a blob with these bytes.
pub(crate) fn blob_id(bytes: &[u8]) -> Result<ObjectId, Error> {
    hash(Kind::Blob, bytes)
}

/// `sha` as gix takes it.
pub(crate) fn object_id(sha: &CommitSha) -> Result<ObjectId, Error> {
    ObjectId::from_hex(sha.as_str().as_bytes()).map_err(|_| not_sha1(sha.as_str()))
}

/// `id` as the ports take it.
pub(crate) fn commit_sha(id: &gix::oid) -> Result<CommitSha, Error> {
    let text = id.to_hex().to_string();
    text.parse().map_err(|_| not_sha1(&text))
}

/// Whether a line of `message` holds `marker`. An empty marker marks nothing.
pub(crate) fn carries(message: &str, marker: &str) -> bool {
    !marker.is_empty() && message.lines().any(|line| line.contains(marker))
}

/// The name of a tag when `tag` itself is of an earlier commit.
pub(crate) fn tag_for(tag: &str, commit: &CommitSha) -> String {
    format!("{tag}-{}", &commit.as_str()[..7])
}

fn not_sha1(text: &str) -> Error {
    Error::Unreadable { object: format!("commit id {text}"), reason: "it is not a SHA-1".to_owned() }
}

fn place(root: &mut Folder, path: &SitePath, blob: ObjectId) -> Result<(), Error> {
    let clash = || Error::Draft { reason: format!("{path} needs a folder where another path is a file") };
    let mut folder = root;
    let mut rest = path.as_str();
    while let Some((name, below)) = rest.split_once('/') {
        folder = match folder.entry(name.to_owned()).or_insert_with(|| Node::Folder(Folder::new())) {
            Node::Folder(inner) => inner,
            Node::File(_) => return Err(clash()),
        };
        rest = below;
    }
    match folder.insert(rest.to_owned(), Node::File(blob)) {
        None => Ok(()),
        Some(_) => Err(clash()),
    }
}

/// Appends the trees of `folder`, innermost first. The depth is bounded by the length of a path.
fn store_folder(folder: Folder, objects: &mut Vec<Object>) -> Result<ObjectId, Error> {
    let mut entries = Vec::with_capacity(folder.len());
    for (name, node) in folder {
        let (mode, oid) = match node {
            Node::File(id) => (EntryKind::Blob, id),
            Node::Folder(inner) => (EntryKind::Tree, store_folder(inner, objects)?),
        };
        entries.push(Entry { mode: mode.into(), filename: name.into(), oid });
    }
    // Git orders folders as if their names ended in a slash.
    entries.sort();
    let tree = serialized(&gix::objs::Tree { entries })?;
    let id = tree.id;
    objects.push(tree);
    Ok(id)
}

fn commit_of(draft: &CommitDraft, tree: ObjectId) -> Result<gix::objs::Commit, Error> {
    let signature = signature(&draft.author, draft.at);
    Ok(gix::objs::Commit {
        tree,
        parents: draft.parent.iter().map(object_id).collect::<Result<_, _>>()?,
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: draft.message.as_str().into(),
        extra_headers: Vec::new(),
    })
}

fn signature(author: &Author, at: Timestamp) -> gix::actor::Signature {
    gix::actor::Signature {
        name: author.name.as_str().into(),
        email: author.email.as_str().into(),
        time: gix::date::Time { seconds: at.unix_s(), offset: 0 },
    }
}

fn serialized(value: &dyn WriteTo) -> Result<Object, Error> {
    let mut bytes = Vec::new();
    value.write_to(&mut bytes).map_err(|error| Error::Draft { reason: error.to_string() })?;
    object(value.kind(), bytes.into())
}

fn object(kind: Kind, bytes: Bytes) -> Result<Object, Error> {
    Ok(Object { id: hash(kind, &bytes)?, kind, bytes })
}

fn hash(kind: Kind, bytes: &[u8]) -> Result<ObjectId, Error> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes)
        .map_err(|error| Error::Draft { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use ports::Site;

    use super::*;

    fn draft(paths: &[&str]) -> CommitDraft {
        CommitDraft {
            parent: None,
            site: paths.iter().map(|path| (path.parse().unwrap(), Bytes::from_static(b"x\n"))).collect::<Site>(),
            message: "Build it\n".to_owned(),
            author: Author { name: "Sitewright".to_owned(), email: "sitewright@example.com".to_owned() },
            at: Timestamp::from_unix_ms(1_795_000_000_999),
            tag: None,
        }
    }

    #[test]
    fn the_time_of_day_beyond_the_second_does_not_count() {
        let mut later = draft(&["a"]);
        later.at = Timestamp::from_unix_ms(1_795_000_000_000);
        assert_eq!(assemble(&later).unwrap().commit, assemble(&draft(&["a"])).unwrap().commit);
    }

    #[test]
    fn an_empty_site_has_the_well_known_empty_tree() {
        let trees = assemble(&draft(&[])).unwrap().objects.into_iter().filter(|object| object.kind == Kind::Tree);
        let ids: Vec<_> = trees.map(|tree| tree.id.to_string()).collect();
        assert_eq!(ids, ["4b825dc642cb6eb9a060e54bf8d69288fbee4904"]);
    }

    #[test]
    fn an_author_that_git_cannot_hold_is_refused() {
        let mut bad = draft(&["a"]);
        bad.author.name = "A\nparent 0".to_owned();
        assert!(matches!(assemble(&bad), Err(Error::Draft { .. })));
    }

    #[test]
    fn an_empty_marker_marks_nothing() {
        assert!(carries("Subject\n\nSitewright-Repo: abc\n", "abc"));
        assert!(!carries("Subject\n", "abc"));
        assert!(!carries("Subject\n", ""));
    }
}
