//! A repository of the stand-in as files that the `git` program reads.

use std::fs;
use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use tempfile::TempDir;

use crate::github::state::Repository;

/// What GitHub holds pushes to: sound objects, and no history is lost.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\
                      [receive]\n\tfsckObjects = true\n\tdenyNonFastForwards = true\n\tunpackLimit = 100000\n";

/// The repository in a folder that goes with the returned value.
pub(super) fn lay_out(repo: &Repository) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("lab-github-").tempdir()?;
    let at = |path: &str| folder.path().join(path);
    for path in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(at(path))?;
    }
    fs::write(at("HEAD"), format!("ref: refs/heads/{}\n", repo.default_branch))?;
    fs::write(at("config"), CONFIG)?;
    let refs: String = repo.refs.iter().map(|(name, id)| format!("{id} {name}\n")).collect();
    fs::write(at("packed-refs"), refs)?;
    for (id, object) in repo.objects.iter() {
        let id = id.to_string();
        let (folder, file) = id.split_at(2);
        fs::create_dir_all(at(&format!("objects/{folder}")))?;
        let content = object.content();
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        write!(deflated, "{} {}\0", object.kind(), content.len())?;
        deflated.write_all(&content)?;
        fs::write(at(&format!("objects/{folder}/{file}")), deflated.finish()?)?;
    }
    Ok(folder)
}
