//! Mending: what rules alone can put right is put right before anybody looks at a site, so that neither a check
//! nor a model's time is spent on it. Part of `generate` and of `repair`.

use ports::{Draft, Fix, Site};

use super::verify::candidate_url;
use super::{Context, Done, Error, Progress};
use crate::maker::{self, Brief};

/// Fixes that a note names; a list of all would hide the rest of the record.
const NAMED: usize = 10;

/// What was mended of a site.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// Names it, or says why nothing could be mended; none for a site that needed nothing.
    note: Option<String>,
    fixes: usize,
}

/// Mends `site`. A site that cannot be mended goes on as it is: what is wrong with it is seen by `verify`.
pub(super) async fn by_rules(
    ctx: &Context,
    progress: &Progress,
    brief: &Brief,
    site: Site,
) -> Result<(Site, Mended), Error> {
    let draft = Draft {
        pages_url: candidate_url(ctx, progress)?,
        checks: brief.prepared.checks.clone(),
        attached: brief.attached.clone(),
        licence: maker::licence(brief)?,
        readme: maker::readme(brief, &site)?,
        site: site.clone(),
    };
    Ok(match ctx.ports.verifier.autofix(draft).await {
        Ok(fixed) if fixed.fixes.is_empty() => (fixed.site, Mended::default()),
        Ok(fixed) => {
            let note = ctx.ports.gatekeeper.redact(&note(&fixed.fixes));
            (fixed.site, Mended { note: Some(note), fixes: fixed.fixes.len() })
        }
        Err(error) => {
            let note = format!("not mended before it was verified: {}", ctx.explain(&error));
            (site, Mended { note: Some(note), fixes: 0 })
        }
    })
}

impl Mended {
    /// `text` with how much was mended.
    pub(super) fn summary(&self, text: String) -> String {
        match self.fixes {
            0 => text,
            1 => format!("{text}, 1 mended by rule"),
            count => format!("{text}, {count} mended by rules"),
        }
    }

    /// `done` with the note.
    pub(super) fn noted(self, done: Done) -> Done {
        self.note.into_iter().fold(done, Done::note)
    }
}

fn note(fixes: &[Fix]) -> String {
    let named = fixes.iter().take(NAMED).map(|Fix { rule, path, what }| format!("{rule} in {path}: {what}"));
    let mut note = format!("mended by rules: {}", named.collect::<Vec<_>>().join("; "));
    match fixes.len().saturating_sub(NAMED) {
        0 => {}
        more => note.push_str(&format!("; and {more} more")),
    }
    note
}
