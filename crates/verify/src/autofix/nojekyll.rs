//! Without `.nojekyll` the host builds the site anew and leaves out what begins with an underscore.

use bytes::Bytes;
use ports::Draft;
use shared_types::SitePath;

use super::Change;

pub(super) fn find(draft: &Draft) -> Vec<Change> {
    match ".nojekyll".parse::<SitePath>() {
        Ok(path) if !draft.site.contains(path.as_str()) => {
            vec![Change::new(&path, Bytes::new(), "added, so that the host serves the files as they are")]
        }
        _ => Vec::new(),
    }
}
