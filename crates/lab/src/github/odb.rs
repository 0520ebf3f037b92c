//! The objects of one repository and what can be asked of them: trees by path, history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::objects::{Commit, Entry, Mode, Object, ObjectId};

/// All objects of a repository, by id.
#[derive(Debug, Default)]
pub(super) struct Objects(BTreeMap<ObjectId, Object>);

/// Paths below a tree, each with its mode and object.
pub(super) type Paths = BTreeMap<String, (Mode, ObjectId)>;

impl Objects {
    pub(super) fn insert(&mut self, object: Object) -> ObjectId {
        let id = object.id();
        self.0.entry(id).or_insert(object);
        id
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        self.0.iter()
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<&Object> {
        self.0.get(&id)
    }

    pub(super) fn blob(&self, id: ObjectId) -> Option<&Bytes> {
        match self.0.get(&id)? {
            Object::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn tree(&self, id: ObjectId) -> Option<&[Entry]> {
        match self.0.get(&id)? {
            Object::Tree(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn commit(&self, id: ObjectId) -> Option<&Commit> {
        match self.0.get(&id)? {
            Object::Commit(commit) => Some(commit),
            _ => None,
        }
    }

    /// The tree itself, or the tree of a commit.
    pub(super) fn peel_to_tree(&self, id: ObjectId) -> Option<ObjectId> {
        match self.0.get(&id)? {
            Object::Tree(_) => Some(id),
            Object::Commit(commit) => Some(commit.tree),
            Object::Blob(_) => None,
        }
    }

    /// Everything below `tree` except directories.
    pub(super) fn leaves(&self, tree: ObjectId) -> Paths {
        self.walk(tree).into_iter().filter(|(_, entry)| entry.mode != Mode::Directory).map(leaf).collect()
    }

    /// Everything below `tree`, directories before what is in them.
    pub(super) fn walk(&self, tree: ObjectId) -> Vec<(String, Entry)> {
        let mut found = Vec::new();
        self.walk_into(tree, "", &mut found);
        found
    }

    fn walk_into(&self, tree: ObjectId, prefix: &str, found: &mut Vec<(String, Entry)>) {
        for entry in self.tree(tree).unwrap_or_default() {
            let path = format!("{prefix}{}", entry.name);
            found.push((path.clone(), entry.clone()));
            if entry.mode == Mode::Directory {
                self.walk_into(entry.id, &format!("{path}/"), found);
            }
        }
    }

    /// The entry at `path` below `tree`.
    pub(super) fn at_path(&self, tree: ObjectId, path: &str) -> Option<Entry> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let entry = self.tree(tree)?.iter().find(|entry| entry.name == name)?;
        match rest {
            Some(rest) => self.at_path(entry.id, rest),
            None => Some(entry.clone()),
        }
    }

    /// Stores the trees that hold exactly `leaves` and returns the root's id.
    pub(super) fn write_tree(&mut self, leaves: &Paths) -> ObjectId {
        let mut entries = Vec::new();
        let mut directories: BTreeMap<&str, Paths> = BTreeMap::new();
        for (path, &(mode, id)) in leaves {
            match path.split_once('/') {
                Some((directory, rest)) => {
                    directories.entry(directory).or_default().insert(rest.to_owned(), (mode, id));
                }
                None => entries.push(Entry { mode, name: path.clone(), id }),
            }
        }
        for (name, below) in directories {
            let id = self.write_tree(&below);
            entries.push(Entry { mode: Mode::Directory, name: name.to_owned(), id });
        }
        self.insert(Object::tree(entries))
    }

    /// `from` and all its ancestors, nearest first.
    pub(super) fn history(&self, from: ObjectId) -> Vec<ObjectId> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::from([from]);
        let mut queue = VecDeque::from([from]);
        while let Some(id) = queue.pop_front() {
            let Some(commit) = self.commit(id) else { continue };
            order.push(id);
            queue.extend(commit.parents.iter().copied().filter(|parent| seen.insert(*parent)));
        }
        order
    }

    /// Whether moving a branch from `old` to `new` loses no commit.
    pub(super) fn is_fast_forward(&self, old: ObjectId, new: ObjectId) -> bool {
        self.history(new).contains(&old)
    }
}

/// Puts a leaf at `path` and removes what cannot be beside it: the directory of that name, and a
/// file where a directory is needed.
pub(super) fn put_leaf(leaves: &mut Paths, path: &str, mode: Mode, id: ObjectId) {
    remove_path(leaves, path);
    for (at, _) in path.match_indices('/') {
        leaves.remove(&path[..at]);
    }
    leaves.insert(path.to_owned(), (mode, id));
}

/// Removes the leaf or the whole directory at `path`; says whether there was one.
pub(super) fn remove_path(leaves: &mut Paths, path: &str) -> bool {
    let below = format!("{path}/");
    let before = leaves.len();
    leaves.retain(|leaf, _| leaf != path && !leaf.starts_with(&below));
    leaves.len() != before
}

fn leaf((path, entry): (String, Entry)) -> (String, (Mode, ObjectId)) {
    (path, (entry.mode, entry.id))
}
