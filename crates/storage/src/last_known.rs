//! `last_known.json` in the data folder: what finding the repositories of tasks again takes, for the day on which the
//! database is lost. One JSON document that people can read.
//!
//! The file is whole at any moment: it is written beside its place, synced and moved there. One that cannot be read is
//! put aside and begun anew.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ports::{KnownSite, LastKnown, TaskRecord, TenantKey};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::folder::{open_private, sync_dir};
use crate::{Error, blobs};

pub(crate) const FILE: &str = "last_known.json";
const BEING_WRITTEN: &str = "last_known.json.new";
const PUT_ASIDE: &str = "last_known.unreadable.json";

/// Tasks that are kept, the newest ones: some years of a course, in about a megabyte.
const MAX_SITES: usize = 2_000;

/// More than that many entries take.
const MAX_BYTES: u64 = 8 << 20;

/// The file of one data folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LastKnownFile {
    folder: Arc<Path>,
    /// Held while the file is read and written again.
    writing: Arc<Mutex<()>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    /// Oldest first.
    sites: Vec<KnownSite>,
}

impl LastKnownFile {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), writing: Arc::new(Mutex::new(())) }
    }

    /// Removes what is known of the student, wherever a file of this one may still hold it.
    pub(crate) async fn erase(&self, tenant: TenantKey) -> Result<(), Error> {
        self.change(move |sites| sites.retain(|site| site.tenant != tenant)).await?;
        let folder = Arc::clone(&self.folder);
        blobs::blocking(move || {
            for name in [BEING_WRITTEN, PUT_ASIDE] {
                let path = folder.join(name);
                match fs::remove_file(&path) {
                    Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::folder("remove file", &path)(fault));
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// Writes the file again when `change` made a difference.
    async fn change(&self, change: impl FnOnce(&mut Vec<KnownSite>) + Send + 'static) -> Result<(), Error> {
        let (folder, writing) = (Arc::clone(&self.folder), Arc::clone(&self.writing));
        blobs::blocking(move || {
            // A poisoned lock guards no data: the file is whole whatever happened.
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            let before = read(&folder)?;
            let mut after = before.clone();
            change(&mut after);
            let surplus = after.len().saturating_sub(MAX_SITES);
            after.drain(..surplus);
            if after == before { Ok(()) } else { write(&folder, after) }
        })
        .await
    }
}

#[async_trait]
impl LastKnown for LastKnownFile {
    async fn remember(&self, sites: Vec<KnownSite>) -> Result<(), ports::Error> {
        let change = move |known: &mut Vec<KnownSite>| {
            for site in sites {
                let same = |other: &KnownSite| (&other.tenant, &other.task) == (&site.tenant, &site.task);
                // An earlier request that ended later.
                if known.iter().any(|other| same(other) && other.request > site.request) {
                    continue;
                }
                known.retain(|other| !same(other));
                known.push(site);
            }
        };
        Ok(self.change(change).await?)
    }

    async fn recall(&self, record: &TaskRecord) -> Result<Option<KnownSite>, ports::Error> {
        let (tenant, task) = (TenantKey::of(&record.email), record.task.clone());
        let folder = Arc::clone(&self.folder);
        let sites = blobs::blocking(move || read(&folder)).await?;
        Ok(sites.into_iter().rfind(|site| site.tenant == tenant && site.task == task))
    }
}

fn read(folder: &Path) -> Result<Vec<KnownSite>, Error> {
    let path = folder.join(FILE);
    let bytes = match bytes_of(&path) {
        Ok(bytes) => bytes,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(Error::folder("read file", &path)(fault)),
    };
    match serde_json::from_slice::<Document>(&bytes) {
        Ok(document) => Ok(document.sites),
        Err(fault) => {
            let aside: PathBuf = folder.join(PUT_ASIDE);
            fs::rename(&path, &aside).map_err(Error::folder("put aside file", &path))?;
            let path = aside.display();
            warn!(event = "last_known.unreadable", %path, error = %fault, "what was last known could not be read");
            Ok(Vec::new())
        }
    }
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, MAX_BYTES), &mut bytes)?;
    Ok(bytes)
}

fn write(folder: &Path, sites: Vec<KnownSite>) -> Result<(), Error> {
    let (beside, path) = (folder.join(BEING_WRITTEN), folder.join(FILE));
    let writing = || {
        let text = serde_json::to_vec_pretty(&Document { sites })?;
        let mut file = open_private(&beside, OpenOptions::new().write(true).create(true).truncate(true))?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        sync_dir(folder)
    };
    writing().map_err(Error::folder("write file", &path))
}
