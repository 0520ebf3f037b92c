//! A checkout: its root, its packages and its source files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Packages beside `crates/*`.
const OTHER_PACKAGES: [&str; 2] = ["tests/e2e", "xtask"];

/// A folder that holds this workspace, or a copy of parts of it. Paths are relative to its root and use `/`.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The checkout at `root`, else the one that cargo runs us from.
    pub(crate) fn open(root: Option<PathBuf>) -> Result<Self> {
        let root = root.unwrap_or_else(|| match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(package) => Path::new(&package).join(".."),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        });
        let root = root.canonicalize().with_context(|| format!("open checkout {}", root.display()))?;
        ensure!(root.is_dir(), "{} is not a folder", root.display());
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.at(path)).with_context(|| format!("read {path}"))
    }

    /// The text at `path`, or `None` when there is no such file.
    pub(crate) fn read_if_present(&self, path: &str) -> Result<Option<String>> {
        match fs::read_to_string(self.at(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {path}")),
        }
    }

    /// Writes `text` at `path`, making its folders; an unchanged file keeps its date, so that cargo rebuilds nothing.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<Written> {
        if self.read_if_present(path)?.as_deref() == Some(text) {
            return Ok(Written::Unchanged);
        }
        let target = self.at(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(&target, text).with_context(|| format!("write {path}"))?;
        Ok(Written::Changed)
    }

    /// Folders of the packages: `crates/*`, then the others, sorted.
    pub(crate) fn packages(&self) -> Result<Vec<String>> {
        let mut packages = Vec::new();
        for name in self.names("crates")? {
            packages.push(format!("crates/{name}"));
        }
        packages.extend(OTHER_PACKAGES.map(str::to_owned));
        packages.retain(|package| self.has(&format!("{package}/Cargo.toml")));
        Ok(packages)
    }

    /// Names of the entries of `folder`, sorted; none when it does not exist.
    pub(crate) fn names(&self, folder: &str) -> Result<Vec<String>> {
        if !self.has(folder) {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.at(folder)).with_context(|| format!("list {folder}"))? {
            let entry = entry.with_context(|| format!("list {folder}"))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Files below `folder` whose name ends in `.extension`, sorted. Build output and hidden folders are left out.
    pub(crate) fn files(&self, folder: &str, extension: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            for name in self.names(&folder)? {
                let path = format!("{folder}/{name}");
                // A link is not followed: it may lead out of the checkout or back into itself.
                let kind = fs::symlink_metadata(self.at(&path)).with_context(|| format!("look at {path}"))?;
                if kind.is_dir() && name != "target" && !name.starts_with('.') {
                    waiting.push(path);
                } else if kind.is_file() && Path::new(&name).extension().is_some_and(|found| found == extension) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether a write changed the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// New text, or a new file.
    Changed,
    /// The same bytes were there.
    Unchanged,
}
