//! Where is the browser?

use std::env;
use std::path::{Path, PathBuf};

use crate::Error;

/// Programs that speak the DevTools protocol, the likeliest first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The given program, else the first of [`NAMES`] in `PATH`.
pub(super) fn find(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(Error::NoBrowser { remedy: format!("{} is no file; give the path of Chromium", path.display()) })
        };
    }
    // `PATH` is how programs are found, no setting of ours.
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|p| p.is_file());
    found.ok_or_else(|| Error::NoBrowser {
        remedy: "neither chromium nor google-chrome is in PATH; install it (Debian: apt-get install chromium)"
            .to_owned(),
    })
}
