//! Answers on disk, so that a run can be repeated without asking anybody: one file an answer, named by the digest of
//! what was asked.
//!
//! A prompt holds random boundaries, and so does its answer. Both are kept with a mark in their place, so that the same
//! question is the same file in every run.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ports::{AnswerCache, Completion, ErrorChain, FinishReason, Usage};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::Error;
use crate::run::Call;

/// What the response cache does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// Nothing.
    #[default]
    Off,
    /// Answers from `folder` what it holds, and keeps there what was answered.
    ReadWrite {
        /// Made when it is missing; nothing is ever deleted from it.
        folder: PathBuf,
    },
    /// Answers from `folder` alone: nobody is asked, and what it does not hold is an error.
    Replay {
        /// As an earlier run with [`CacheMode::ReadWrite`] left it.
        folder: PathBuf,
    },
}

/// The response cache.
#[derive(Debug)]
pub(crate) struct Cache {
    mode: CacheMode,
}

/// The digest of a question: prompt, model, and what else is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key(String);

/// A file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    alias: String,
    model: String,
    template: String,
    prompt_hash: String,
    truncated: bool,
    text: String,
}

/// A folder of kept answers, for whoever wants some of them gone.
#[derive(Debug, Clone)]
pub struct CacheFolder {
    /// It may be absent.
    pub folder: PathBuf,
}

#[async_trait]
impl AnswerCache for CacheFolder {
    async fn forget_prompts(&self, prompt_hashes: &[String]) -> Result<u64, ports::Error> {
        let wanted: HashSet<String> = prompt_hashes.iter().cloned().collect();
        let folder = self.folder.clone();
        let removing = tokio::task::spawn_blocking(move || remove(&folder, &wanted));
        removing.await.map_err(ports::Error::again)?.map_err(ports::Error::again)
    }
}

/// Removes the answers to `prompts`, whatever model gave them. A file that cannot be read is nobody's.
fn remove(folder: &Path, prompts: &HashSet<String>) -> std::io::Result<u64> {
    if prompts.is_empty() || !folder.is_dir() {
        return Ok(0);
    }
    let mut removed = 0;
    for shelf in fs::read_dir(folder)? {
        let shelf = shelf?.path();
        if !shelf.is_dir() {
            continue;
        }
        for file in fs::read_dir(shelf)? {
            let path = file?.path();
            if matches!(read(&path), Ok(Some(kept)) if prompts.contains(&kept.prompt_hash)) {
                fs::remove_file(&path)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

impl Key {
    pub(crate) fn new(call: &Call, model: &str, max_output_tokens: u32) -> Self {
        let asked = json!({ "prompt": call.prompt_hash, "model": model, "max_tokens": max_output_tokens });
        Self(hex::encode(Sha256::digest(asked.to_string())))
    }

    fn path(&self, folder: &Path) -> PathBuf {
        let (start, rest) = self.0.split_at(2);
        folder.join(start).join(format!("{rest}.json"))
    }
}

impl Cache {
    pub(crate) fn new(mode: CacheMode) -> Self {
        Self { mode }
    }

    /// The kept answer. `None`: ask.
    ///
    /// # Errors
    /// Nobody may be asked, and there is none.
    pub(crate) async fn look(&self, key: &Key, call: &Call) -> Result<Option<Completion>, Error> {
        let (folder, is_replay) = match &self.mode {
            CacheMode::Off => return Ok(None),
            CacheMode::ReadWrite { folder } => (folder, false),
            CacheMode::Replay { folder } => (folder, true),
        };
        let path = key.path(folder);
        let place = path.clone();
        let read = tokio::task::spawn_blocking(move || read(&place)).await;
        match read.unwrap_or_else(|broken| Err(broken.to_string())) {
            Ok(Some(kept)) => Ok(Some(kept.completion(&call.boundaries))),
            Ok(None) if is_replay => Err(Error::NotRecorded { alias: call.alias.clone(), path }),
            Ok(None) => Ok(None),
            Err(reason) if is_replay => Err(Error::UnreadableRecord { path, reason }),
            Err(reason) => {
                warn!(event = "model.cache_unreadable", path = %path.display(), error = reason, "a kept answer cannot be read");
                Ok(None)
            }
        }
    }

    /// Keeps an answer, where that is wanted. A disk that is full costs the repetition, not the answer.
    pub(crate) async fn keep(&self, key: &Key, call: &Call, completion: &Completion) {
        let CacheMode::ReadWrite { folder } = &self.mode else { return };
        let path = key.path(folder);
        let kept = Kept {
            alias: call.alias.clone(),
            model: completion.model.clone(),
            template: call.template.clone(),
            prompt_hash: call.prompt_hash.clone(),
            truncated: completion.finish == FinishReason::Truncated,
            text: without(&completion.text, &call.boundaries),
        };
        let place = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&place, &kept)).await;
        if let Ok(Err(error)) = written {
            let error = ErrorChain(&error);
            warn!(event = "model.cache_unwritable", path = %path.display(), %error, "an answer was not kept");
        }
    }
}

impl Kept {
    fn completion(self, boundaries: &[String]) -> Completion {
        let finish = if self.truncated { FinishReason::Truncated } else { FinishReason::Complete };
        let text = marks(boundaries).fold(self.text, |text, (boundary, mark)| text.replace(&mark, boundary));
        Completion { text, finish, model: self.model, usage: Usage::default() }
    }
}

/// `text` with a mark for each of `boundaries`.
pub(crate) fn without(text: &str, boundaries: &[String]) -> String {
    marks(boundaries).fold(text.to_owned(), |text, (boundary, mark)| text.replace(boundary, &mark))
}

/// No text that a model writes or is shown has such a character.
fn marks(boundaries: &[String]) -> impl Iterator<Item = (&String, String)> {
    boundaries.iter().enumerate().map(|(place, boundary)| (boundary, format!("\u{1a}{place}\u{1a}")))
}

fn read(path: &Path) -> Result<Option<Kept>, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A reader sees the whole file or none.
fn write(path: &Path, kept: &Kept) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec_pretty(kept)?)?;
    file.persist(path)?;
    Ok(())
}
