//! What a row changes of its base.

use anyhow::{Context as _, Result, bail, ensure};
use ports::Site;
use serde::Deserialize;

/// One change of a site.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Edit {
    /// The one place where `find` stands.
    Replace {
        file: String,
        find: String,
        put: String,
    },
    /// A file as a whole, new or not.
    Write {
        file: String,
        put: String,
    },
    /// Behind its last line.
    Append {
        file: String,
        append: String,
    },
    Rename {
        file: String,
        to: String,
    },
    Remove {
        remove: String,
    },
}

impl Edit {
    /// Carries it out; `filled` completes texts and paths.
    ///
    /// # Errors
    /// The file is not there, or `find` does not stand in it exactly once.
    pub(super) fn apply(&self, site: &mut Site, filled: &dyn Fn(&str) -> Result<String>) -> Result<()> {
        match self {
            Self::Replace { file, find, put } => {
                let text = text(site, file)?;
                let places = text.matches(find.as_str()).count();
                ensure!(places == 1, "{find:?} stands {places} times in {file}");
                let text = text.replace(find.as_str(), &filled(put)?);
                site.insert(file.parse()?, text);
            }
            Self::Write { file, put } => site.insert(filled(file)?.parse()?, filled(put)?),
            Self::Append { file, append } => {
                let text = text(site, file)? + &filled(append)?;
                site.insert(file.parse()?, text);
            }
            Self::Rename { file, to } => {
                let bytes = site.get(file).with_context(|| format!("no {file}"))?.clone();
                remove(site, file)?;
                site.insert(to.parse()?, bytes);
            }
            Self::Remove { remove: file } => remove(site, file)?,
        }
        Ok(())
    }
}

fn text(site: &Site, file: &str) -> Result<String> {
    Ok(site.text(file).with_context(|| format!("no text {file}"))?.to_owned())
}

fn remove(site: &mut Site, file: &str) -> Result<()> {
    if !site.remove(&file.parse()?) {
        bail!("no {file}");
    }
    Ok(())
}
