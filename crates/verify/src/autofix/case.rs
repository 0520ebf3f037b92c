//! Hosts tell `Style.css` from `style.css`: a link that differs from its file in case only is spelled as the file is.

use percent_encoding::percent_decode_str;
use ports::Draft;
use shared_types::SitePath;

use super::edit::{self, Edit};
use super::{Change, texts};
use crate::references::{self, Kind, Reference, Start, encoded_segment};

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let change = |(path, text): (&SitePath, &str)| {
        let start = Start::of(&draft.site, &draft.pages_url, path)?;
        let found = references::of(path, text);
        let edits: Vec<Edit> = found.iter().filter_map(|reference| edit(draft, &start, reference)).collect();
        let what = match edits.len() {
            0 => return None,
            1 => "spelled 1 link in the case of its file".to_owned(),
            count => format!("spelled {count} links in the case of their files"),
        };
        Some(Change::new(path, edit::apply(text, edits), what))
    };
    texts(draft).filter_map(change).collect()
}

fn edit(draft: &Draft, start: &Start, reference: &Reference) -> Option<Edit> {
    if matches!(reference.kind, Kind::Text | Kind::Base) || reference.target.contains("${") {
        return None;
    }
    let url = start.url(reference.kind)?.join(reference.target.trim()).ok()?;
    let actual = references::namesake(&draft.site, &draft.pages_url, &url)?;
    let path_end = reference.target.find(['?', '#']).unwrap_or(reference.target.len());
    let path = &reference.target[..path_end];
    let with = respelled(path, &actual)?;
    Some(Edit::new(reference.at.start..reference.at.start + path_end, with))
}

/// `written` with its names, from the last one back, spelled as those of `actual`.
fn respelled(written: &str, actual: &SitePath) -> Option<String> {
    let mut names = actual.as_str().rsplit('/');
    let mut segments: Vec<String> = Vec::new();
    let mut done = false;
    for segment in written.rsplit('/') {
        done |= matches!(segment, "." | ".." | "");
        let spelled = match names.next().filter(|_| !done) {
            Some(name) => {
                let decoded = percent_decode_str(segment).decode_utf8().ok()?;
                if decoded == name {
                    segment.to_owned()
                } else if decoded.to_lowercase() == name.to_lowercase() {
                    encoded_segment(name)
                } else {
                    return None;
                }
            }
            None => segment.to_owned(),
        };
        segments.push(spelled);
    }
    segments.reverse();
    Some(segments.join("/"))
}
