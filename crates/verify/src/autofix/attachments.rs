//! Attachments are fetched and compared byte for byte, so each is part of the site exactly as it was given.

use ports::Draft;

use super::Change;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    let changed = draft.attached.iter().filter(|(path, bytes)| draft.site.get(path.as_str()) != Some(*bytes));
    let change = |(path, bytes): (&shared_types::SitePath, &bytes::Bytes)| {
        let what = if draft.site.contains(path.as_str()) {
            "put the attachment's own bytes back"
        } else {
            "added the attachment, which was missing"
        };
        Change::new(path, bytes.clone(), what)
    };
    changed.map(change).collect()
}
