//! Sites with one planted defect each, and sound ones that look as if they had one: what the verifier must find and
//! what it must leave alone. They are read from `tests/fixtures/defects`, whose README says how a row is written.
//!
//! [`Prover`] holds a [`Specimen`] against the real parts, wired as the server wires them; [`Tally`] counts.

mod edit;
mod proof;
mod sign;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use ports::{Attachment, Site};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Deserialize;
use shared_types::http::CheckBody;
use shared_types::{Digest, SitePath};

use edit::Edit;
pub use proof::{Proof, Prover};
pub use sign::Sign;
pub use tally::{Tally, Which, hold};

/// Files that every site has, and among them the texts that the server would add.
const COMMON: &str = "common";

/// A site to be judged.
#[derive(Debug, Clone)]
pub struct Specimen {
    /// What is wrong with it, or what only looks wrong.
    pub name: String,
    /// The table it is from.
    pub family: String,
    /// What tells its defect; none for a sound site.
    pub sign: Option<Sign>,
    /// Why its defect is not found yet.
    pub open: Option<String>,
    site: Site,
    checks: Vec<CheckBody>,
    /// The attachments' own files.
    attached: Site,
}

/// A table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    site: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    base: String,
    edits: Vec<Edit>,
    #[serde(default)]
    checks: Vec<String>,
    found_by: Option<Sign>,
    open: Option<String>,
}

/// A sound site, from which others are made.
#[derive(Debug, Clone)]
struct Base {
    files: Site,
    card: Card,
}

/// Its `site.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Card {
    checks: Vec<String>,
    attached: Vec<SitePath>,
}

/// All sites with a planted defect.
///
/// # Errors
/// A table that cannot be read, an edit that does not fit, a row that does not say how its defect is told.
pub fn planted() -> Result<Vec<Specimen>> {
    let workshop = Workshop::open()?;
    let mut specimens = Vec::new();
    for table in files_below(&folder().join("planted"))?.keys() {
        specimens.extend(workshop.specimens(&folder().join("planted").join(table))?);
    }
    for specimen in &specimens {
        let Specimen { name, sign, checks, .. } = specimen;
        let sign = sign.as_ref().with_context(|| format!("{name:?}: found by what?"))?;
        sign.fits(checks).with_context(|| format!("{name:?}"))?;
    }
    Ok(specimens)
}

/// All sound sites.
///
/// # Errors
/// A table that cannot be read, or an edit that does not fit.
pub fn sound() -> Result<Vec<Specimen>> {
    let specimens = Workshop::open()?.specimens(&folder().join("sound.toml"))?;
    ensure!(specimens.iter().all(|specimen| specimen.sign.is_none()), "a sound site has no defect to find");
    Ok(specimens)
}

fn folder() -> PathBuf {
    crate::workspace().join("tests/fixtures/defects")
}

/// What rows are made of.
struct Workshop {
    bases: BTreeMap<String, Base>,
    /// A made-up secret by its kind.
    secrets: BTreeMap<&'static str, String>,
}

impl Workshop {
    fn open() -> Result<Self> {
        let folder = folder().join("base");
        let common = files_below(&folder.join(COMMON))?;
        let mut bases = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != COMMON {
                let base = Base::read(&folder.join(&name), &common).with_context(|| format!("read the base {name}"))?;
                bases.insert(name, base);
            }
        }
        // The same ones each time.
        let examples = secrets::corpus::examples(&mut StdRng::seed_from_u64(1));
        let secrets = examples.into_iter().rev().map(|example| (example.kind, example.text)).collect();
        Ok(Self { bases, secrets })
    }

    fn specimens(&self, table: &Path) -> Result<Vec<Specimen>> {
        let text = std::fs::read_to_string(table).with_context(|| format!("read {}", table.display()))?;
        let rows: Table = toml::from_str(&text).with_context(|| format!("read {}", table.display()))?;
        let family = table.file_stem().unwrap_or_default().to_string_lossy();
        let made = rows.site.into_iter().map(|row| {
            let name = row.name.clone();
            self.specimen(&family, row).with_context(|| format!("{}: {name:?}", table.display()))
        });
        made.collect()
    }

    fn specimen(&self, family: &str, row: Row) -> Result<Specimen> {
        let Base { files, card } = self.bases.get(&row.base).with_context(|| format!("no base {}", row.base))?;
        let mut site = files.clone();
        for edit in &row.edits {
            edit.apply(&mut site, &|text| self.with_secrets(text))?;
        }
        let of_base = |path: &SitePath| Some((path.clone(), files.get(path.as_str())?.clone()));
        Ok(Specimen {
            name: row.name,
            family: family.to_owned(),
            sign: row.found_by,
            open: row.open,
            site,
            checks: card.checks.iter().cloned().chain(row.checks).map(CheckBody::Text).collect(),
            attached: card.attached.iter().filter_map(of_base).collect(),
        })
    }

    /// `text` with a secret for each `{secret:KIND}`.
    fn with_secrets(&self, text: &str) -> Result<String> {
        let mut written = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{secret:") {
            let (kind, after) = after.split_once('}').context("a {secret: without its end")?;
            let Some(secret) = self.secrets.get(kind) else { bail!("the corpus of secrets has no {kind:?}") };
            written.extend([before, secret]);
            rest = after;
        }
        Ok(written + rest)
    }
}

impl Base {
    fn read(folder: &Path, common: &BTreeMap<String, Vec<u8>>) -> Result<Self> {
        let mut own = files_below(folder)?;
        let card = own.remove("site.toml").context("no site.toml")?;
        let card = toml::from_str(std::str::from_utf8(&card)?)?;
        let files = common.clone().into_iter().chain(own).map(|(path, bytes)| Ok((path.parse()?, bytes.into())));
        Ok(Self { files: files.collect::<Result<Site>>()?, card })
    }
}

impl Specimen {
    fn attachments(&self) -> Vec<Attachment> {
        let attachment = |(path, bytes): (&SitePath, &bytes::Bytes)| Attachment {
            path: path.clone(),
            media_type: "application/octet-stream".to_owned(),
            sniffed_type: None,
            size: bytes.len() as u64,
            sha256: Digest::of(bytes),
        };
        self.attached.iter().map(attachment).collect()
    }
}

/// All files below a folder, by path.
fn files_below(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(files_below(&path)?.into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            files.insert(name, std::fs::read(&path).with_context(|| format!("read {}", path.display()))?);
        }
    }
    Ok(files)
}
