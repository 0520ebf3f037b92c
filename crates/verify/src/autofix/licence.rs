//! Graders want a file named `LICENSE` that holds the MIT licence's own words.

use ports::Draft;
use shared_types::SitePath;

use super::Change;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let Ok(path) = "LICENSE".parse::<SitePath>() else { return Vec::new() };
    if draft.licence.trim().is_empty() || draft.attached.contains("LICENSE") {
        return Vec::new();
    }
    let what = match draft.site.text("LICENSE").map(str::trim) {
        None if !draft.site.contains("LICENSE") => "added the MIT licence",
        Some("") => "put the MIT licence into the empty file",
        Some(text) if text.contains("MIT") && !text.contains("is hereby granted") => {
            "put the whole text of the MIT licence in place of its name"
        }
        // Another licence is somebody's decision.
        _ => return Vec::new(),
    };
    vec![Change::new(&path, draft.licence.clone(), what)]
}
