//! Whether a URL serves a commit: its page, byte for byte.

use std::time::Duration;

use ports::{Error, Notifier, Site, Verdict};
use shared_types::CommitSha;
use url::Url;

/// A look takes no longer than this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer answers are cut there by the adapter; what came must be the beginning of the file.
const PROBE_CAP: usize = 64 * 1024;

/// What is looked for, and where.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    /// The site's.
    pub(crate) url: &'a Url,
    pub(crate) commit: &'a CommitSha,
    pub(crate) site: &'a Site,
    /// Of this look among those for the commit; empty for the first. A query of its own for each
    /// keeps caches from answering for an earlier round, or from a look that came too early.
    pub(crate) version: String,
}

/// Whether the answer is the site's `index.html`, or its first file with something in it.
pub(crate) async fn serves(notifier: &dyn Notifier, look: &Look<'_>) -> Result<bool, Error> {
    let page = look.site.iter().find(|(path, _)| path.as_str() == "index.html");
    // An empty file (such as `.nojekyll`) proves nothing.
    let Some((path, bytes)) = page.or_else(|| look.site.iter().find(|(_, bytes)| !bytes.is_empty())) else {
        return Ok(true);
    };
    let mut target = look.url.clone();
    if path.as_str() != "index.html" {
        target = look.url.join(path.as_str()).map_err(Error::stop)?;
    }
    let dash = if look.version.is_empty() { "" } else { "-" };
    target.set_query(Some(&format!("v={}{dash}{}", look.commit, look.version)));
    match notifier.probe(&target, PROBE_TIMEOUT).await {
        Ok(answer) => {
            let whole = answer.body == *bytes;
            let beginning = answer.body.len() >= PROBE_CAP && bytes.starts_with(&answer.body);
            Ok(answer.status == 200 && (whole || beginning))
        }
        Err(error) if error.verdict() == Verdict::GiveUp => Err(error),
        Err(_) => Ok(false),
    }
}
