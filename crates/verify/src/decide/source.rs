//! Texts in a file as it is served; comments are part of it.

use ports::Site;
use shared_types::{Presence, SitePath};

use super::Decision;
use crate::text::{brief, line_of};

/// Of a text, this much is shown as evidence, in characters.
const TEXT_CHARS: usize = 80;

/// The file at `path` holds all of `texts`, or none of them.
pub(super) fn text(site: &Site, path: &SitePath, texts: &[String], presence: Presence) -> Decision {
    let Some(bytes) = site.get(path.as_str()) else {
        return Decision::failed(format!("{path} is not part of the site"));
    };
    let source = String::from_utf8_lossy(bytes);
    let quote = |text: &String| format!("\"{}\"", brief(text, TEXT_CHARS));
    match presence {
        Presence::Present => {
            let missing: Vec<String> = texts.iter().filter(|text| !source.contains(*text)).map(quote).collect();
            if missing.is_empty() {
                Decision::passed(format!("{path} holds the text"))
            } else {
                Decision::failed(format!("{path} does not hold {}", missing.join(", ")))
            }
        }
        Presence::Absent => {
            let place = |text: &String| Some(format!("{} on line {}", quote(text), line_of(&source, text)?));
            let found: Vec<String> = texts.iter().filter_map(place).collect();
            if found.is_empty() {
                Decision::passed(format!("{path} does not hold the text"))
            } else {
                Decision::failed(format!("{path} holds {}", found.join(", ")))
            }
        }
    }
}
