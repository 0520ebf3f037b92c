//! Files out of a model's text.
//!
//! Marks with a random boundary, each on a line of its own, make blocks: a whole file between
//! `<<<FILE <boundary> path` and `FILE>>> <boundary>`; a change of quoted lines between
//! `<<<EDIT <boundary> path`, `<<<WITH <boundary>` and `EDIT>>> <boundary>`; and, in one line each,
//! `<<<DELETE <boundary> path` and `<<<DERIVE <boundary> to from source`. No content can hold a mark,
//! since it cannot know the boundary. What stands between blocks is talk and does not count.
//!
//! An [`Answer`] is carried out whole or not at all: every block that cannot be carried out is a
//! [`Fault`], which goes back to the model, and nothing changes before all blocks can.

mod edit;
mod nearest;
mod parse;
pub(super) mod resume;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ports::Site;
use shared_types::SitePath;

pub(super) use self::edit::Edit;
pub(super) use self::parse::{TooMany, parse};
use super::derive::Derivation;

/// Files written and files deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    files: BTreeMap<SitePath, Bytes>,
    deleted: BTreeSet<SitePath>,
}

/// What a model wants to be done, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(super) ops: Vec<Op>,
    /// Blocks that were not understood.
    pub(super) faults: Vec<Fault>,
}

/// One block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op {
    Write(SitePath, Bytes),
    Edit(Edit),
    Delete(SitePath),
    Derive(Derivation),
}

/// A block that cannot be carried out, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file it is about, when the path can be one.
    pub(super) path: Option<SitePath>,
    /// The block's kind and path.
    pub(super) block: String,
    pub(super) problem: String,
    /// The lines that were quoted, when they are what does not fit.
    pub(super) quoted: String,
    /// What the file has that comes nearest to them, with line numbers.
    pub(super) nearest: String,
}

impl Changes {
    /// What makes `current` of `base`.
    pub(super) fn between(base: &Site, current: &Site) -> Self {
        let files = current.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let gone = base.iter().map(|(path, _)| path).filter(|path| !current.contains(path.as_str()));
        Self { files, deleted: gone.cloned().collect() }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&SitePath, &Bytes)> {
        self.files.iter()
    }

    pub(super) fn deleted(&self) -> impl Iterator<Item = &SitePath> {
        self.deleted.iter()
    }

    /// Applies `later` over these.
    pub(super) fn extend(&mut self, later: Self) {
        for path in later.deleted {
            self.delete(path);
        }
        for (path, bytes) in later.files {
            self.write(path, bytes);
        }
    }

    /// The file at `path` once these changes are made of `base`.
    fn now<'a>(&'a self, base: &'a Site, path: &SitePath) -> Option<&'a Bytes> {
        let was = || base.get(path.as_str()).filter(|_| !self.deleted.contains(path));
        self.files.get(path).or_else(was)
    }

    fn write(&mut self, path: SitePath, bytes: Bytes) {
        self.deleted.remove(&path);
        self.files.insert(path, bytes);
    }

    fn delete(&mut self, path: SitePath) {
        self.files.remove(&path);
        self.deleted.insert(path);
    }
}

impl Answer {
    /// The changes that this answer makes of `base`; `derive` carries out conversions.
    ///
    /// # Errors
    /// The places in `ops` of the blocks that cannot be carried out, with what is wrong with each;
    /// blocks that were not understood come without a place.
    pub(super) fn apply(
        &self,
        base: &Site,
        derive: impl Fn(&Derivation) -> Result<Bytes, String>,
    ) -> Result<Changes, Vec<(Option<usize>, Fault)>> {
        let mut changes = Changes::default();
        let mut faults: Vec<_> = self.faults.iter().map(|fault| (None, fault.clone())).collect();
        if self.ops.is_empty() && faults.is_empty() {
            faults.push((None, Fault::empty()));
        }
        for (place, op) in self.ops.iter().enumerate() {
            let written = match op {
                Op::Write(path, bytes) => Ok((path, bytes.clone())),
                Op::Delete(path) => {
                    changes.delete(path.clone());
                    continue;
                }
                Op::Edit(edit) => edit.apply(changes.now(base, &edit.path)).map(|bytes| (&edit.path, bytes)),
                Op::Derive(derivation) => derive(derivation)
                    .map(|bytes| (&derivation.to, bytes))
                    .map_err(|problem| Fault::new(Some(&derivation.to), format!("DERIVE {derivation}"), problem)),
            };
            match written {
                Ok((path, bytes)) => changes.write(path.clone(), bytes),
                Err(fault) => faults.push((Some(place), fault)),
            }
        }
        if faults.is_empty() { Ok(changes) } else { Err(faults) }
    }

    /// This answer without the blocks at fault, and `later` after it.
    ///
    /// # Errors
    /// The first fault about a file that `later` does not take up again: to leave it out would
    /// publish half of what the model meant.
    pub(super) fn mended(mut self, faults: Vec<(Option<usize>, Fault)>, later: Self) -> Result<Self, Fault> {
        let taken_up = |path: &SitePath| later.ops.iter().any(|op| op.path() == path);
        let places: BTreeSet<usize> = faults.iter().filter_map(|(place, _)| *place).collect();
        let left = faults.into_iter().find(|(_, fault)| fault.path.as_ref().is_some_and(|path| !taken_up(path)));
        if let Some((_, fault)) = left {
            return Err(fault);
        }
        let mut place = 0;
        self.ops.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        self.ops.extend(later.ops);
        self.faults = later.faults;
        Ok(self)
    }
}

impl Op {
    fn path(&self) -> &SitePath {
        match self {
            Self::Write(path, _) | Self::Delete(path) => path,
            Self::Edit(edit) => &edit.path,
            Self::Derive(derivation) => &derivation.to,
        }
    }
}

impl Fault {
    pub(super) fn new(path: Option<&SitePath>, block: String, problem: impl Into<String>) -> Self {
        Self { path: path.cloned(), block, problem: problem.into(), quoted: String::new(), nearest: String::new() }
    }

    fn empty() -> Self {
        Self::new(None, "none".to_owned(), "the answer holds no file block")
    }
}

#[cfg(test)]
mod tests;
