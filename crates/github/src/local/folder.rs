//! The folder of a bare repository: making it whole or not at all, and the files in it that git
//! knows nothing of.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ports::RepoName;
use tracing::warn;

use crate::Error;

/// Folder inside a repository that holds the texts of pull requests.
pub(super) const PULL_REQUESTS: &str = "pulls";

/// Makes an empty repository at `path`, or leaves the one that is there. A folder that a killed
/// process left without HEAD and without any branch is replaced.
///
/// The caller serializes calls: leftovers of earlier attempts for this path are removed.
pub(super) fn make(path: &Path, branch: &str, description: &str) -> Result<(), Error> {
    let (Some(owner), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(Error::Disk {
            operation: "make",
            path: path.to_owned(),
            source: io::ErrorKind::InvalidInput.into(),
        });
    };
    if path.join("HEAD").is_file() {
        return Ok(());
    }
    if path.exists() {
        remove_half_made(path)?;
    }
    let making = owner.join(format!(".{name}.new"));
    if making.exists() {
        on(&making, "remove", fs::remove_dir_all(&making))?;
    }
    lay_out(&making, branch, description)?;
    on(path, "move into place", fs::rename(&making, path))?;
    sync_folder(owner)
}

/// Removes a repository: out of its place first, so that nobody ever sees a part of it.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let (Some(owner), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(Error::Disk {
            operation: "remove",
            path: path.to_owned(),
            source: io::ErrorKind::InvalidInput.into(),
        });
    };
    let going = owner.join(format!(".{name}.gone"));
    // What a process that was killed has left.
    if going.exists() {
        on(&going, "remove", fs::remove_dir_all(&going))?;
    }
    on(path, "move out of place", fs::rename(path, &going))?;
    sync_folder(owner)?;
    on(&going, "remove", fs::remove_dir_all(&going))
}

/// Names of the repositories in an owner's folder, in order; none when there is no folder.
pub(super) fn repositories(owner: &Path) -> Result<Vec<RepoName>, Error> {
    let entries = match fs::read_dir(owner) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::Disk { operation: "list", path: owner.to_owned(), source }),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file_name = on(owner, "list", entry)?.file_name();
        // What is no repository of ours is not looked at.
        names.extend(file_name.to_str().and_then(|n| n.strip_suffix(".git")).and_then(|n| n.parse::<RepoName>().ok()));
    }
    names.sort();
    Ok(names)
}

/// The file that holds the text of the pull request for `branch`. One name a branch: `~` cannot
/// be part of one.
pub(super) fn pull_request_file(branch: &str) -> String {
    format!("{}.txt", branch.replace('/', "~"))
}

/// Writes `folder/name` by way of a file beside it, durably.
pub(super) fn write_beside(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    on(folder, "make", fs::create_dir_all(folder))?;
    let (temporary, path) = (folder.join(format!(".{name}.new")), folder.join(name));
    write_synced(&temporary, bytes)?;
    on(&path, "move into place", fs::rename(&temporary, &path))?;
    sync_folder(folder)
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), Error> {
    on(path, "sync", fs::File::open(path).and_then(|folder| folder.sync_all()))
}

/// Makes the content of a file durable.
pub(super) fn sync_file(path: &Path) -> Result<(), Error> {
    on(path, "sync", fs::File::open(path).and_then(|file| file.sync_data()))
}

/// Names the operation and the path in an IO error.
pub(super) fn on<T>(path: &Path, operation: &'static str, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Disk { operation, path: path.to_owned(), source })
}

/// What `git init --bare` makes, without the sample hooks and without folders that git makes once it needs them.
fn lay_out(path: &Path, branch: &str, description: &str) -> Result<(), Error> {
    let folders: [PathBuf; 3] = ["objects", "refs/heads", "refs/tags"].map(|name| path.join(name));
    for folder in &folders {
        on(folder, "make", fs::create_dir_all(folder))?;
    }
    let one_line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    write_synced(&path.join("description"), format!("{one_line}\n").as_bytes())?;
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
    write_synced(&path.join("config"), config.as_bytes())?;
    // Last, because its presence says that the rest is there.
    write_synced(&path.join("HEAD"), format!("ref: refs/heads/{branch}\n").as_bytes())?;
    sync_folder(path)
}

/// Removes a repository folder without HEAD, unless a branch in it shows that it once had one.
fn remove_half_made(path: &Path) -> Result<(), Error> {
    let heads = path.join("refs/heads");
    let has_branches = fs::read_dir(&heads).is_ok_and(|mut entries| entries.next().is_some());
    if has_branches || path.join("packed-refs").exists() {
        let reason = "it has branches but no HEAD; repair it by hand".to_owned();
        return Err(Error::Unreadable { object: path.display().to_string(), reason });
    }
    warn!(event = "repo.half_made_removed", path = %path.display(), "removing a half-made repository");
    on(path, "remove", fs::remove_dir_all(path))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = |path: &Path| -> io::Result<()> {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    };
    on(path, "write", write(path))
}
