//! Forgetting a person: rows, blobs, and what was left of both in files.

use std::fs;

use async_trait::async_trait;
use ports::{Forgetting, Forgot, Oblivion, OwnTask, TenantKey};
use rusqlite::Connection;
use shared_types::http::Forgotten;
use shared_types::{Digest, Email};

use super::Store;
use crate::folder::{create_private_dir, open_private, sync_dir};
use crate::sql::{Fault, oblivion};
use crate::timing::timed;
use crate::writer::Operation;
use crate::{Error, blobs};

const RECEIPTS: &str = "receipts";

#[async_trait]
impl Oblivion for Store {
    async fn tasks_of(&self, email: &Email) -> Result<Vec<OwnTask>, ports::Error> {
        let email = email.clone();
        Ok(self.read("list the tasks of a person", "", move |db| Ok(oblivion::tasks_of(db, &email)?)).await?)
    }

    async fn busy(&self, wish: &Forgetting) -> Result<Option<Forgot>, ports::Error> {
        let wish = wish.clone();
        Ok(self.read("look for open tasks of a person", "", move |db| Ok(oblivion::busy(db, &wish)?)).await?)
    }

    async fn prompts_of(&self, email: &Email) -> Result<Vec<String>, ports::Error> {
        let email = email.clone();
        Ok(self.read("list the prompts of a person", "", move |db| Ok(oblivion::prompts_of(db, &email)?)).await?)
    }

    async fn forget(&self, wish: Forgetting) -> Result<Forgot, ports::Error> {
        let (rest, tenant) = (wish.rest, TenantKey::of(&wish.email));
        let forgot = self.write("forget a person", "", move |db| Ok(oblivion::forget(db, &wish)?)).await?;
        let Forgot::Done(mut erased) = forgot else { return Ok(forgot) };
        timed("overwrite what was deleted", self.writer.alone(Operation::new("overwrite what was deleted", ""), scrub))
            .await?;
        let named = self.read("list named blobs", "", |db| Ok(oblivion::named_digests(db)?)).await?;
        erased.unnamed.retain(|blob| !named.contains(blob));
        let swept = self.blobs.sweep(named, rest).await?;
        (erased.blobs, erased.blobs_left) = (swept.removed, swept.left);
        self.last_known.erase(tenant).await?;
        Ok(Forgot::Done(erased))
    }

    async fn named(&self, blobs: Vec<Digest>) -> Result<Vec<Digest>, ports::Error> {
        let named = self.read("list named blobs", "", |db| Ok(oblivion::named_digests(db)?)).await?;
        Ok(blobs.into_iter().filter(|blob| named.contains(blob)).collect())
    }

    async fn keep_receipt(&self, receipt: &Forgotten) -> Result<(), ports::Error> {
        let folder = self.data_dir.join(RECEIPTS);
        let name = format!("forgotten-{}.json", receipt.at.unix_ms());
        // Names of repositories hold names of tasks.
        let kept = Forgotten {
            repositories: Vec::new(),
            deleted_repositories: Vec::new(),
            undeleted: Vec::new(),
            ..receipt.clone()
        };
        let text = serde_json::to_vec_pretty(&kept).map_err(ports::Error::stop)?;
        let written = blobs::blocking(move || {
            create_private_dir(&folder)?;
            let path = folder.join(name);
            let writing = || {
                let mut file = open_private(&path, fs::OpenOptions::new().write(true).create(true).truncate(true))?;
                std::io::Write::write_all(&mut file, &text)?;
                file.sync_all()?;
                sync_dir(&folder)
            };
            writing().map_err(Error::folder("write file", &path))
        });
        Ok(written.await?)
    }
}

/// Rewrites the whole database without what was deleted, and cuts the log, which still holds it. Writes wait for as long
/// as that takes.
fn scrub(connection: &Connection) -> Result<(), Fault> {
    // It would otherwise build the new database in memory.
    connection.pragma_update(None, "temp_store", "FILE")?;
    let rewritten = connection.execute_batch("VACUUM");
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    rewritten?;
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    // A backup that is being made reads the log, for one.
    if busy { Err(Error::LogInUse.into()) } else { Ok(()) }
}
