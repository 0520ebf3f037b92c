//! Makes sites: from what was asked to a whole set of files.
//!
//! A model writes pages ([`by_model`], [`by_repair`]) and the scaffold does without one
//! ([`by_scaffold`]); either way the licence, the README, `.nojekyll` and the attachments, byte for
//! byte, are added here, and files of earlier rounds that nobody asked to change stay.

mod blocks;
mod budget;
mod derive;
mod dialogue;
mod excerpt;
mod html;
mod readme;
mod redacted;
mod scaffold;
mod table;
mod wants;

use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use ports::Site;
use serde_json::json;
use shared_types::{SitePath, Timestamp};

use self::derive::Workbooks;
use self::dialogue::{Dialogue, Ground};
use crate::checks;
use crate::context::{Context, Error};
use crate::journal::{self, Prepared, Progress};
use crate::naming;

/// Everything a site is made from.
pub(crate) struct Brief {
    pub(crate) title: String,
    pub(crate) nonce: String,
    /// The brief of this round.
    pub(crate) brief: String,
    pub(crate) prepared: Prepared,
    /// Files of the attachments, by path.
    pub(crate) attached: Site,
    /// What the spreadsheets among them hold.
    pub(crate) workbooks: Workbooks,
    /// Files of the repository as it is; empty in round 1.
    pub(crate) base: Site,
    pub(crate) accepted_at: Timestamp,
    pub(crate) holder: String,
}

/// A model's answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error("the model did not write a site")]
    Model(#[source] ports::Error),
    #[error("no model is configured")]
    NoModel,
    #[error("the answer of {alias} was cut again and again and never came to an end")]
    Unfinished { alias: String },
    #[error("read the files in the answer of {alias}")]
    Unreadable {
        alias: String,
        #[source]
        source: blocks::TooMany,
    },
    #[error("the answer of {alias} cannot be carried out: {block}: {problem}")]
    Unusable { alias: String, block: String, problem: String },
    #[error("every boundary that was drawn stands in the texts of the task")]
    NoBoundary,
    #[error(transparent)]
    Step(Box<Error>),
}

impl From<ports::Error> for MakeError {
    /// For the ports that a candidate takes beside the model.
    fn from(error: ports::Error) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<Error> for MakeError {
    fn from(error: Error) -> Self {
        Self::Step(Box::new(error))
    }
}

impl Brief {
    /// Gathers it from the journal and the blobs.
    pub(crate) async fn load(ctx: &Context, progress: &Progress) -> Result<Self, Error> {
        let blobs = ctx.ports.blobs.as_ref();
        let mut prepared = progress.prepared()?.clone();
        // Briefs and checks are quoted in what is published: an example key in one must not end
        // the task, nor go out.
        let redact = |text: &mut String| *text = ctx.ports.gatekeeper.redact(text);
        prepared.briefs.iter_mut().for_each(redact);
        for check in &mut prepared.checks {
            redact(&mut check.source);
            check.oracle = redacted::oracle(&check.oracle, &redact);
        }
        let mut attached = Site::new();
        for attachment in &prepared.attachments {
            attached.insert(attachment.path.clone(), blobs.get(&attachment.sha256).await?);
        }
        let workbooks = read_workbooks(&attached).await;
        let base = match progress.fetched() {
            Some(fetched) => journal::load(blobs, &fetched.base).await?,
            None => Site::new(),
        };
        Ok(Self {
            title: naming::title(&ctx.task.task),
            nonce: ctx.task.nonce.to_string(),
            brief: ctx.ports.gatekeeper.redact(&ctx.task.brief),
            prepared,
            attached,
            workbooks,
            base,
            accepted_at: ctx.task.accepted_at,
            holder: ctx.options.author.name.clone(),
        })
    }
}

/// The site that `alias` writes.
pub(crate) async fn by_model(ctx: &Context, brief: &Brief, alias: &str, budget: Duration) -> Result<Site, MakeError> {
    let template = if brief.base.is_empty() { "app" } else { "revise" };
    let written = ask(ctx, brief, alias, template, &brief.base, "", budget).await?;
    complete_site(brief, written)
}

/// The site that `alias` makes of `current` when it is shown the `evidence` of what failed.
pub(crate) async fn by_repair(
    ctx: &Context,
    brief: &Brief,
    alias: &str,
    current: &Site,
    evidence: &str,
    budget: Duration,
) -> Result<Site, MakeError> {
    let changes = ask(ctx, brief, alias, "repair", current, evidence, budget).await?;
    let mut written = blocks::Changes::between(&brief.base, current);
    written.extend(changes);
    complete_site(brief, written)
}

/// The site that needs no model.
pub(crate) fn by_scaffold(brief: &Brief) -> Result<Site, Error> {
    assemble(brief, scaffold::write(brief)?)
}

/// The text of `LICENSE`.
pub(crate) fn licence(brief: &Brief) -> Result<String, Error> {
    readme::licence(brief)
}

/// The text of `README.md` for a site with the files of `site`.
pub(crate) fn readme(brief: &Brief, site: &Site) -> Result<String, Error> {
    readme::write(brief, site)
}

async fn ask(
    ctx: &Context,
    brief: &Brief,
    alias: &str,
    template: &str,
    files: &Site,
    evidence: &str,
    budget: Duration,
) -> Result<blocks::Changes, MakeError> {
    let model = ctx.ports.model.as_deref().ok_or(MakeError::NoModel)?;
    let (attachments, shown) = material(brief, files, ctx.options.material_tokens);
    let values = json!({
        "brief": brief.brief,
        "checks": brief.prepared.checks.iter().map(|check| &check.source).collect::<Vec<_>>(),
        "constraints": checks::constraints(&brief.prepared.checks),
        "attachments": attachments,
        "seed": brief.nonce,
        "pages_path": format!("/{}/", ctx.task.repo),
        "files": shown,
        "evidence": evidence,
    });
    let dialogue = Dialogue { ctx, model, alias, template, values, budget: budget.mul_f32(0.9) };
    dialogue.hold(&Ground { base: files, attached: &brief.attached, workbooks: &brief.workbooks }).await
}

/// Reads the spreadsheets where they do not hold up others. One that a library stumbles over is as one
/// that cannot be read.
async fn read_workbooks(attached: &Site) -> Workbooks {
    let files = attached.clone();
    tokio::task::spawn_blocking(move || derive::workbooks(&files)).await.unwrap_or_default()
}

/// Adds what every site has. A model's own licence, README or attachments give way to ours.
fn complete_site(brief: &Brief, written: blocks::Changes) -> Result<Site, MakeError> {
    let mut page = Site::new();
    for (path, bytes) in written.files() {
        page.insert(path.clone(), bytes.clone());
    }
    let mut site = assemble(brief, page)?;
    for path in written.deleted() {
        if !is_ours(path) && brief.attached.get(path.as_str()).is_none() {
            site.remove(path);
        }
    }
    Ok(site)
}

/// The whole set of files: what was there, the new page files over it, then what every site has.
fn assemble(brief: &Brief, page: Site) -> Result<Site, Error> {
    let mut site = brief.base.clone();
    for (path, bytes) in page.iter().filter(|(path, _)| !is_ours(path)) {
        site.insert(path.clone(), bytes.clone());
    }
    for (path, bytes) in brief.attached.iter() {
        site.insert(path.clone(), bytes.clone());
    }
    if !site.contains("LICENSE") {
        put(&mut site, "LICENSE", readme::licence(brief)?);
    }
    put(&mut site, ".nojekyll", String::new());
    // Its table names every file, itself included.
    put(&mut site, "README.md", String::new());
    let readme = readme::write(brief, &site)?;
    put(&mut site, "README.md", readme);
    Ok(site)
}

fn is_ours(path: &SitePath) -> bool {
    matches!(path.as_str(), "LICENSE" | "README.md" | ".nojekyll")
}

fn put(site: &mut Site, path: &'static str, text: String) {
    // The names given here are constants and site paths.
    if let Ok(path) = path.parse() {
        site.insert(path, text);
    }
}

/// Renders one of our own templates; a value that is missing is an error, not an empty text.
fn render(name: &'static str, template: &str, values: minijinja::Value) -> Result<String, Error> {
    let fault = |source| Error::Template { template: name, source };
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.map_err(fault)?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Values are escaped where they are made: automatic escaping also rewrites the slashes of
    // addresses, which graders look for in the served text.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.render_named_str(name, template, values).map_err(fault)
}

/// The values of the prompt that has a model judge `site` by `items`; `None` when no boundary can be
/// drawn that no text holds.
pub(crate) fn values_to_judge(ctx: &Context, brief: &Brief, site: &Site, items: &[&str]) -> Option<serde_json::Value> {
    let files = excerpt::texts(site, &brief.attached);
    let pieces = excerpt::pieces(files.iter().copied(), &brief.workbooks, ctx.options.material_tokens);
    let shown = files.iter().zip(pieces).map(|((path, _), piece)| shown_file(path, piece));
    let mut values = json!({
        "brief": brief.brief,
        "checks": items,
        "seed": brief.nonce,
        "files": shown.collect::<Vec<_>>(),
        "evidence": "",
    });
    let boundary = dialogue::draw(ctx.ports.ids.as_ref(), &values)?;
    values["boundary"] = boundary.into();
    Some(values)
}

/// What a model is shown of the attachments, and of the text files that are not among them.
fn material(brief: &Brief, files: &Site, tokens: usize) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let attachments = &brief.prepared.attachments;
    let others: Vec<_> =
        excerpt::texts(files, &brief.attached).into_iter().filter(|(path, _)| !is_ours(path)).collect();
    let attached = attachments.iter().map(|attachment| {
        let bytes = brief.attached.get(attachment.path.as_str()).map_or(&[][..], |bytes| bytes.as_ref());
        (&attachment.path, bytes)
    });
    let mut pieces = excerpt::pieces(attached.chain(others.iter().copied()), &brief.workbooks, tokens);
    let of_files = pieces.split_off(attachments.len());
    let attachments = attachments.iter().zip(pieces).map(|(attachment, piece)| {
        json!({
            "path": attachment.path,
            "media_type": attachment.media_type,
            "size": attachment.size,
            "shown": piece.shown,
            "excerpt": piece.text,
        })
    });
    let files = others.iter().zip(of_files).map(|((path, _), piece)| shown_file(path, piece));
    (attachments.collect(), files.collect())
}

fn shown_file(path: &SitePath, piece: excerpt::Piece) -> serde_json::Value {
    json!({ "path": path, "lines": piece.lines, "shown": piece.shown, "text": piece.text })
}

/// The first `limit` characters.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}
