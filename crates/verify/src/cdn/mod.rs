//! Libraries of the public CDNs, from a folder on this machine.
//!
//! Pages load Bootstrap and its like from jsdelivr, cdnjs and unpkg. A machine that cannot reach them,
//! or should not wait for them, serves the same bytes from `CDN_CACHE_DIR`, so integrity attributes
//! hold. The folder's layout:
//!
//! - `npm/<name>@<version>/...`: the files of an npm package, as `npm pack` gives them. The operator's:
//!   read for all three hosts, never written to or removed.
//! - `<host>/<path>`: a file of one host, by the path of its URL with the exact version. What was
//!   fetched goes here and is bounded in size.
//!
//! Not here: fetching; the browser does that, through its own way out. Invariants: nothing outside the
//! folder is read or written; only what a version names for ever is kept.

mod address;
mod keep;
mod names;

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use semver::Version;
use serde_json::Value;
use url::Url;

use address::{Wanted, read};

pub(crate) use address::Host;

/// Largest library that is served or kept, in bytes; the largest in use have about 4 MB.
pub(crate) const MAX_LIBRARY_BYTES: u64 = 8 * 1024 * 1024;

/// Packages of one name that are looked at; more versions than a folder should hold.
const MAX_VERSIONS: usize = 200;

/// Holds the file that a host gives for a package when no path is asked for.
const DEFAULT_FILE: &str = "_default.js";

/// A library that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Library {
    /// Whose extension tells the content type.
    pub name: String,
    pub bytes: Bytes,
}

/// The folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// Of all that was fetched.
    max_bytes: u64,
    /// Bytes that were fetched, once counted; whoever writes holds it.
    kept: Mutex<Option<u64>>,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self { folder, max_bytes, kept: Mutex::new(None) }
    }

    /// What `url` gets, when the folder has it. Reads files.
    pub(crate) fn find(&self, url: &Url) -> Option<Library> {
        let asked = read(url)?;
        let exact = self.folder.join(asked.host.name()).join(&asked.path);
        load(&exact).or_else(|| self.of_package(asked.host, &asked.wanted?))
    }

    /// The best version that fits first; of those that a host's own folder and `npm` both have, the
    /// host's.
    fn of_package(&self, host: Host, wanted: &Wanted) -> Option<Library> {
        let mut roots = vec![self.folder.join("npm")];
        roots.extend(host.package_folder().map(|folder| self.folder.join(folder)));
        let mut versions: Vec<(Version, usize, PathBuf)> = roots
            .iter()
            .enumerate()
            .flat_map(|(place, root)| {
                versions(root, &wanted.package).into_iter().map(move |(v, path)| (v, place, path))
            })
            .filter(|(version, ..)| wanted.range.matches(version))
            .collect();
        versions.sort_by_key(|(version, place, _)| Reverse((version.clone(), *place)));
        versions.into_iter().find_map(|(.., package)| {
            let files = match &wanted.file {
                Some(file) => host.spellings(file),
                None => default_files(&package, host),
            };
            files.iter().find_map(|file| load(&package.join(file)))
        })
    }
}

/// The versions of `package` below `root`, in no order.
fn versions(root: &Path, package: &str) -> Vec<(Version, PathBuf)> {
    let (folder, name) = match package.rsplit_once('/') {
        Some((scope, name)) => (root.join(scope), name),
        None => (root.to_owned(), package),
    };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let version = |entry: fs::DirEntry| {
        let file_name = entry.file_name();
        let version = file_name.to_str()?.strip_prefix(name)?.strip_prefix('@')?.parse().ok()?;
        Some((version, entry.path()))
    };
    entries.flatten().filter_map(version).take(MAX_VERSIONS).collect()
}

/// What a package gives when only it is asked for, the host's own answer first.
fn default_files(package: &Path, host: Host) -> Vec<String> {
    let manifest = load(&package.join("package.json"));
    let manifest: Value = manifest.and_then(|library| serde_json::from_slice(&library.bytes).ok()).unwrap_or_default();
    let named = host.default_fields().iter().filter_map(|field| manifest[*field].as_str());
    let named = named.filter_map(|file| address::relative(file.trim_start_matches("./")));
    std::iter::once(DEFAULT_FILE.to_owned())
        .chain(named.flat_map(|file| [file.clone(), format!("{file}.js")]))
        .chain(["index.js".to_owned()])
        .collect()
}

fn load(path: &Path) -> Option<Library> {
    let found = fs::metadata(path).ok().filter(|found| found.is_file() && found.len() <= MAX_LIBRARY_BYTES)?;
    let bytes = fs::read(path).ok().filter(|bytes| bytes.len() as u64 == found.len())?;
    Some(Library { name: path.file_name()?.to_str()?.to_owned(), bytes: bytes.into() })
}

#[cfg(test)]
mod tests;
