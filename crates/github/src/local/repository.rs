//! One bare repository: reading it, storing objects, moving a branch. Blocking; callers run it on
//! a pool.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use gix::ObjectId;
use gix::objs::Write as _;
use gix::objs::tree::EntryKind;
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use ports::Site;
use shared_types::SitePath;
use tracing::warn;

use super::folder::{on, sync_file, sync_folder};
use crate::Error;
use crate::objects::{self, Assembled};

/// Commits that a walk through a history visits; a site has one a round.
const MAX_HISTORY: usize = 1_000;
/// Files that a site read into memory may have.
const MAX_FILES: usize = 10_000;
/// Bytes that a site read into memory may have: GitHub's own limit for a Pages site is 1 GB, and
/// no task comes near this.
const MAX_SITE_BYTES: u64 = 256 * 1024 * 1024;
/// A branch is locked for milliseconds; a lock older than this belongs to a killed process.
const STALE_LOCK: Duration = Duration::from_secs(5);

/// An opened repository.
pub(super) struct Repository {
    path: PathBuf,
    git: gix::Repository,
}

/// What became of a branch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// It points to the new commit.
    Yes,
    /// It did not point where it was expected to; nothing was changed.
    No { tip: Option<ObjectId> },
}

/// A commit met on a walk.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: ObjectId,
    pub(super) message: String,
}

/// A file or folder met at a path.
#[derive(Debug)]
pub(super) enum Found {
    File(ObjectId),
    Folder,
}

/// The full name of a branch; `None` when git would refuse it.
pub(super) fn branch_ref(branch: &str) -> Option<FullName> {
    FullName::try_from(format!("refs/heads/{branch}")).ok()
}

impl Repository {
    /// Opens the repository at `path`; `None` when there is none. Reads no configuration but its own.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Error> {
        if !path.join("HEAD").is_file() {
            return Ok(None);
        }
        let options = gix::open::Options::isolated().open_path_as_is(true).with(gix::sec::Trust::Full);
        let mut git = gix::open_opts(path, options).map_err(|source| git_error(path, "open the repository", source))?;
        // Each operation opens anew, so what is not there now need not be looked for twice.
        git.objects.refresh_never();
        Ok(Some(Self { path: path.to_owned(), git }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The branch that HEAD names.
    pub(super) fn default_branch(&self) -> Result<String, Error> {
        let head = self.git.head_name().map_err(|error| self.error("read HEAD", error))?;
        let name = head.map(|name| name.shorten().to_string());
        name.ok_or_else(|| Error::Unreadable {
            object: self.path.display().to_string(),
            reason: "its HEAD is detached".to_owned(),
        })
    }

    /// The commit that `branch` points to.
    pub(super) fn tip(&self, branch: &str) -> Result<Option<ObjectId>, Error> {
        let name = self.full_name(branch)?;
        let found = self.git.try_find_reference(name.as_ref()).map_err(|error| self.error("read a branch", error))?;
        found
            .map(|reference| reference.into_fully_peeled_id().map(gix::Id::detach))
            .transpose()
            .map_err(|error| self.error("read a branch", error))
    }

    /// All references with their targets, by name.
    pub(super) fn references(&self) -> Result<Vec<(String, ObjectId)>, Error> {
        let failed = |error| self.error("list references", error);
        let platform = self.git.references().map_err(failed)?;
        let mut references = Vec::new();
        for reference in platform.all().map_err(failed)? {
            // A reference that vanishes or breaks while listing is left out, as git does.
            let Ok(reference) = reference else { continue };
            if let Some(id) = reference.try_id() {
                references.push((reference.name().as_bstr().to_string(), id.detach()));
            }
        }
        references.sort();
        Ok(references)
    }

    /// The first-parent history of `branch`, newest first, at most `MAX_HISTORY` commits.
    pub(super) fn history(&self, branch: &str) -> Result<impl Iterator<Item = Result<Step, Error>> + '_, Error> {
        let mut next = self.tip(branch)?;
        let walk = std::iter::from_fn(move || {
            let id = next.take()?;
            Some(self.step(id).map(|(step, parent)| {
                next = parent;
                step
            }))
        });
        Ok(walk.take(MAX_HISTORY))
    }

    /// Whether a commit message in the history of `branch` carries `marker`.
    pub(super) fn carries(&self, branch: &str, marker: &str) -> Result<bool, Error> {
        for step in self.history(branch)? {
            if objects::carries(&step?.message, marker) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When the newest commit of `branch` was made, in seconds since the epoch; 0 without one.
    pub(super) fn newest_s(&self, branch: &str) -> Result<i64, Error> {
        let Some(tip) = self.tip(branch)? else { return Ok(0) };
        let time = self.git.find_commit(tip).and_then(|commit| commit.time());
        Ok(time.map_err(|error| self.error("read a commit", error))?.seconds)
    }

    /// All files of a commit that have a place in a site.
    pub(super) fn site(&self, commit: ObjectId) -> Result<Site, Error> {
        let mut site = Site::new();
        let mut bytes_left = MAX_SITE_BYTES;
        let mut folders = vec![(String::new(), self.tree(commit)?)];
        while let Some((prefix, tree)) = folders.pop() {
            for entry in tree.decode().map_err(|error| self.error("read a folder", error))?.entries {
                // A path that no site can hold (other encodings, reserved names) is left out.
                let Ok(name) = std::str::from_utf8(entry.filename) else { continue };
                let path = format!("{prefix}{name}");
                match entry.mode.kind() {
                    EntryKind::Tree => {
                        let below =
                            self.git.find_tree(entry.oid).map_err(|error| self.error("read a folder", error))?;
                        folders.push((format!("{path}/"), below));
                    }
                    EntryKind::Blob | EntryKind::BlobExecutable => {
                        let Ok(path) = path.parse::<SitePath>() else { continue };
                        let bytes = self.blob(entry.oid.to_owned())?;
                        bytes_left = bytes_left.checked_sub(bytes.len() as u64).ok_or_else(|| self.too_large())?;
                        site.insert(path, bytes);
                    }
                    EntryKind::Link | EntryKind::Commit => {}
                }
            }
            if site.len() + folders.len() > MAX_FILES {
                return Err(self.too_large());
            }
        }
        Ok(site)
    }

    /// What is at `segments` in a commit; the root folder for none.
    pub(super) fn find(&self, commit: ObjectId, segments: &[String]) -> Result<Option<Found>, Error> {
        let tree = self.tree(commit)?;
        if segments.is_empty() {
            return Ok(Some(Found::Folder));
        }
        let entry = tree
            .lookup_entry(segments.iter().map(String::as_bytes))
            .map_err(|error| self.error("look up a path", error))?;
        Ok(entry.and_then(|entry| match entry.mode().kind() {
            EntryKind::Tree => Some(Found::Folder),
            EntryKind::Blob | EntryKind::BlobExecutable => Some(Found::File(entry.object_id())),
            EntryKind::Link | EntryKind::Commit => None,
        }))
    }

    /// The bytes of a blob.
    pub(super) fn blob(&self, id: ObjectId) -> Result<Bytes, Error> {
        let mut blob = self.git.find_blob(id).map_err(|error| self.error("read a file", error))?;
        Ok(blob.take_data().into())
    }

    /// Stores what is not there yet and makes it durable, before anything may refer to it.
    pub(super) fn store(&self, assembled: &Assembled) -> Result<(), Error> {
        let root = self.path.join("objects");
        let mut folders = BTreeSet::new();
        for object in &assembled.objects {
            // An object whose header does not read is a torn write: it is written again.
            if matches!(self.git.try_find_header(object.id), Ok(Some(_))) {
                continue;
            }
            self.git
                .objects
                .write_buf_with_known_id(object.kind, &object.bytes, object.id)
                .map_err(|error| self.error("write an object", error))?;
            let hex = object.id.to_hex().to_string();
            let folder = root.join(&hex[..2]);
            sync_file(&folder.join(&hex[2..]))?;
            folders.insert(folder);
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))?;
        sync_folder(&root)
    }

    /// Moves `branch` from `from` (`None`: it must not exist) to `to`.
    pub(super) fn move_branch(&self, branch: &str, from: Option<ObjectId>, to: ObjectId) -> Result<Moved, Error> {
        let name = self.full_name(branch)?;
        let file = self.path.join(format!("refs/heads/{branch}"));
        remove_stale_lock(&self.path.join(format!("refs/heads/{branch}.lock")))?;
        let expected = match from {
            Some(id) => PreviousValue::MustExistAndMatch(Target::Object(id)),
            None => PreviousValue::MustNotExist,
        };
        match self.git.edit_references_as(Some(RefEdit::update(name, to, expected, "")), None) {
            Ok(_) => {
                sync_file(&file)?;
                file.parent().map_or(Ok(()), sync_folder)?;
                Ok(Moved::Yes)
            }
            // Either the branch is elsewhere, or the attempt itself failed (its lock was held).
            Err(error) => match self.tip(branch)? {
                tip if tip == from => Err(self.error("move a branch", error)),
                tip => Ok(Moved::No { tip }),
            },
        }
    }

    /// Makes a tag; `false` when there is one of that name on another commit.
    pub(super) fn tag(&self, tag: &str, to: ObjectId) -> Result<bool, Error> {
        let name = FullName::try_from(format!("refs/tags/{tag}"))
            .map_err(|_| Error::Draft { reason: format!("git cannot have a tag named {tag:?}") })?;
        remove_stale_lock(&self.path.join(format!("refs/tags/{tag}.lock")))?;
        let there = || {
            let found = self.git.try_find_reference(name.as_ref()).map_err(|error| self.error("read a tag", error))?;
            Ok::<_, Error>(found.and_then(|reference| reference.try_id().map(gix::Id::detach)))
        };
        if let Some(id) = there()? {
            return Ok(id == to);
        }
        match self
            .git
            .edit_references_as(Some(RefEdit::update(name.clone(), to, PreviousValue::MustNotExist, "")), None)
        {
            Ok(_) => {
                let file = self.path.join(format!("refs/tags/{tag}"));
                sync_file(&file)?;
                file.parent().map_or(Ok(()), sync_folder)?;
                Ok(true)
            }
            // Somebody was faster, or the attempt itself failed.
            Err(error) => match there()? {
                Some(id) => Ok(id == to),
                None => Err(self.error("make a tag", error)),
            },
        }
    }

    fn full_name(&self, branch: &str) -> Result<FullName, Error> {
        branch_ref(branch).ok_or_else(|| Error::Draft { reason: format!("git cannot have a branch named {branch:?}") })
    }

    fn step(&self, id: ObjectId) -> Result<(Step, Option<ObjectId>), Error> {
        let commit = self.git.find_commit(id).map_err(|error| self.error("read a commit", error))?;
        let message = commit.message_raw_sloppy().to_string();
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        Ok((Step { id, message }, parent))
    }

    fn tree(&self, commit: ObjectId) -> Result<gix::Tree<'_>, Error> {
        let tree = self.git.find_commit(commit).and_then(|commit| commit.tree());
        tree.map_err(|error| self.error("read a commit", error))
    }

    fn too_large(&self) -> Error {
        let reason = format!("more than {MAX_FILES} files or {MAX_SITE_BYTES} bytes");
        Error::Unreadable { object: self.path.display().to_string(), reason }
    }

    fn error(&self, operation: &'static str, source: gix::Error) -> Error {
        git_error(&self.path, operation, source)
    }
}

fn git_error(path: &Path, operation: &'static str, source: gix::Error) -> Error {
    Error::Git { operation, repo: path.to_owned(), source: Box::new(source) }
}

/// A killed process leaves its lock behind, and git itself would wait for a person to remove it.
fn remove_stale_lock(lock: &Path) -> Result<(), Error> {
    let Ok(written) = fs::metadata(lock).and_then(|meta| meta.modified()) else { return Ok(()) };
    if written.elapsed().is_ok_and(|age| age > STALE_LOCK) {
        warn!(event = "repo.lock_removed", path = %lock.display(), "removing the lock of a killed process");
        match fs::remove_file(lock) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => on(lock, "remove", result),
        }?;
    }
    Ok(())
}
