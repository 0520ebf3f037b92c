//! What is set about pages while they are verified.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use verify::{Cdn, Egress};

use super::read::{within, wrong};
use super::{Fault, PagesUnderTest};

/// Of fetched libraries; Bootstrap with its styles has 300 KB.
const CDN_CACHE_MAX_BYTES: usize = 256 * 1024 * 1024;

/// The texts as they were found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    verify_browsers: Option<String>,
    verify_egress: Option<String>,
    cdn_cache_dir: Option<PathBuf>,
    cdn_cache_max_bytes: Option<String>,
}

pub(super) fn read(raw: &Raw, data_dir: &Path, faults: &mut Vec<Fault>) -> PagesUnderTest {
    let egress = match raw.verify_egress.as_deref() {
        None | Some("public") => Egress::Public,
        Some("cdn") => Egress::Cdn,
        Some("none") => Egress::None,
        Some(_) => {
            wrong("VERIFY_EGRESS", "`public`, `cdn` or `none`", faults);
            Egress::None
        }
    };
    let browsers = raw.verify_browsers.as_deref().map(|text| within("VERIFY_BROWSERS", Some(text), 1, 1..=32, faults));
    let bytes = raw.cdn_cache_max_bytes.as_deref();
    let max_bytes = within("CDN_CACHE_MAX_BYTES", bytes, CDN_CACHE_MAX_BYTES, 0..=1 << 40, faults) as u64;
    let folder = raw.cdn_cache_dir.clone().unwrap_or_else(|| data_dir.join("cdn"));
    PagesUnderTest { browsers, egress, cdn: Cdn { folder, max_bytes } }
}
