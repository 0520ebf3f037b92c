//! Where is the browser?

use std::env;
use std::path::PathBuf;

use crate::{Error, Program};

/// Programs that speak the DevTools protocol, the likeliest first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The given program, else the first of [`NAMES`] in `PATH`.
pub(super) fn find(program: &Program) -> Result<PathBuf, Error> {
    match program {
        Program::Off => return Err(Error::NoBrowser { remedy: "it is switched off".to_owned() }),
        Program::At(path) if path.is_file() => return Ok(path.clone()),
        Program::At(path) => {
            return Err(Error::NoBrowser {
                remedy: format!("{} is no file; give the path of Chromium", path.display()),
            });
        }
        Program::InPath => {}
    }
    // `PATH` is how programs are found, no setting of ours.
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|p| p.is_file());
    found.ok_or_else(|| Error::NoBrowser {
        remedy: "neither chromium nor google-chrome is in PATH; install it (Debian: apt-get install chromium)"
            .to_owned(),
    })
}
