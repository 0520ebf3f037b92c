//! A repository for `git clone`, by git's dumb HTTP protocol: the client reads references and then
//! object after object, as files. Everything that is not such a file is answered 404.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Answer, Cache, people};
use crate::Error;
use crate::local::folder::{PULL_REQUESTS, on};
use crate::local::repository::Repository;

/// Answers for `path` below the repository's address.
pub(super) fn answer(repository: &Repository, owner: &str, name: &str, path: &[String]) -> Result<Answer, Error> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let root = repository.path();
    match names.as_slice() {
        [] => people::repository(repository, owner, name),
        ["HEAD"] => Ok(Answer::text(format!("ref: refs/heads/{}\n", repository.default_branch()?))),
        ["info", "refs"] => references(repository),
        ["refs", ..] => reference(repository, &names.join("/")),
        ["objects", "info", "packs"] => packs(root),
        ["objects", "pack", pack] if is_pack(pack) => {
            file(&root.join("objects/pack").join(pack), "application/x-git-packed-objects", Cache::Forever)
        }
        ["objects", folder, object] if is_hex(folder, 2) && is_hex(object, 38) => {
            file(&root.join("objects").join(folder).join(object), "application/x-git-loose-object", Cache::Forever)
        }
        [PULL_REQUESTS, text] if is_text_name(text) => {
            file(&root.join(PULL_REQUESTS).join(text), "text/plain; charset=utf-8", Cache::Revalidate)
        }
        _ => Ok(people::not_found()),
    }
}

fn references(repository: &Repository) -> Result<Answer, Error> {
    let lines = repository.references()?.into_iter().map(|(name, id)| format!("{id}\t{name}\n"));
    Ok(Answer::text(lines.collect::<String>()))
}

fn reference(repository: &Repository, name: &str) -> Result<Answer, Error> {
    let found = repository.references()?.into_iter().find(|(reference, _)| reference == name);
    Ok(found.map_or_else(people::not_found, |(_, id)| Answer::text(format!("{id}\n"))))
}

/// Repositories made here hold loose objects only; one that a person packed stays readable.
fn packs(root: &Path) -> Result<Answer, Error> {
    let folder = root.join("objects/pack");
    let mut packs = Vec::new();
    for entry in on(&folder, "list", fs::read_dir(&folder))? {
        let name = on(&folder, "list", entry)?.file_name();
        packs.extend(name.to_str().filter(|name| name.ends_with(".pack") && is_pack(name)).map(|n| format!("P {n}\n")));
    }
    packs.sort();
    Ok(Answer::text(packs.concat()))
}

fn file(path: &PathBuf, content_type: &str, cache: Cache) -> Result<Answer, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Answer { cache, ..Answer::ok(content_type, bytes) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(people::not_found()),
        Err(source) => Err(Error::Disk { operation: "read", path: path.clone(), source }),
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_pack(name: &str) -> bool {
    let stem = name.strip_suffix(".pack").or_else(|| name.strip_suffix(".idx"));
    stem.and_then(|stem| stem.strip_prefix("pack-")).is_some_and(|hash| is_hex(hash, 40))
}

/// Only texts that are whole: the file being written begins with a dot.
fn is_text_name(name: &str) -> bool {
    name.ends_with(".txt") && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packs_are_packs() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        for (name, accepted) in [
            (format!("pack-{hash}.pack"), true),
            (format!("pack-{hash}.idx"), true),
            (format!("pack-{hash}.keep"), false),
            (format!("{hash}.pack"), false),
            ("pack-.pack".to_owned(), false),
        ] {
            assert_eq!(is_pack(&name), accepted, "{name}");
        }
    }
}
