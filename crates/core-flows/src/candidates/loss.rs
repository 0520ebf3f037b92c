//! What a later round takes away that nobody asked it to take. Requirements C-063, C-064.

use std::collections::BTreeSet;

use ports::Site;
use shared_types::{CheckReport, SitePath};

/// Files that every site keeps.
const KEPT: [&str; 2] = ["LICENSE", "README.md"];

/// Bytes from which a new file that looks like somebody's library is worth a remark.
const LARGE: usize = 200 * 1024;

/// What the site with the files `after` loses of the one with the files `before`; empty when it may
/// be published as it is. `attached` are the paths of attachments.
pub(crate) fn losses<'a>(
    before: impl IntoIterator<Item = &'a SitePath>,
    after: impl IntoIterator<Item = &'a SitePath>,
    attached: impl IntoIterator<Item = &'a SitePath>,
    report: &CheckReport,
) -> Vec<String> {
    let before: BTreeSet<&str> = before.into_iter().map(SitePath::as_str).collect();
    let after: BTreeSet<&str> = after.into_iter().map(SitePath::as_str).collect();
    let attached: BTreeSet<&str> = attached.into_iter().map(SitePath::as_str).collect();
    let gone: Vec<&str> = before.difference(&after).copied().collect();
    let mut losses = Vec::new();
    if gone.len() * 2 > before.len() {
        losses.push(format!("{} of the {} files of the repository are gone", gone.len(), before.len()));
    }
    for path in gone.iter().filter(|path| KEPT.contains(path) || attached.contains(**path)) {
        losses.push(format!("{path} is gone"));
    }
    losses.extend(report.regressions().map(|lost| format!("a check that passed before fails: {}", lost.check.source)));
    losses
}

/// Large new files that look like libraries: worth a remark, since a page that loads them from a
/// public host stays small.
pub(crate) fn large_libraries(before: &Site, after: &Site) -> Vec<String> {
    let new = after.iter().filter(|(path, bytes)| {
        bytes.len() > LARGE && !before.contains(path.as_str()) && looks_like_library(path.as_str())
    });
    new.map(|(path, bytes)| format!("{path} adds a library of {} KB", bytes.len() / 1024)).collect()
}

fn looks_like_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let minified = name.ends_with(".min.js") || name.ends_with(".min.css");
    let vendored = ["vendor/", "lib/", "libs/", "node_modules/"].iter().any(|folder| path.contains(folder));
    minified || (vendored && (name.ends_with(".js") || name.ends_with(".css")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Failing, report};
    use super::*;

    #[track_caller]
    fn check(before: &[&str], after: &[&str], regressed: &[&str], expected: &[&str]) {
        let paths = |paths: &[&str]| paths.iter().map(|path| path.parse().unwrap()).collect::<Vec<SitePath>>();
        let (before, after, attached) = (paths(before), paths(after), paths(&["data.csv"]));
        let report = report(&Failing { regressed, ..Failing::default() });
        assert_eq!(losses(&before, &after, &attached, &report), expected);
    }

    #[test]
    fn a_round_may_change_and_add_and_remove_a_little() {
        check(&[], &["index.html"], &[], &[]);
        check(&["a", "b", "c", "d"], &["a", "b", "e"], &[], &[]);
        check(&["LICENSE", "README.md", "index.html"], &["LICENSE", "README.md", "index.html", "new.js"], &[], &[]);
    }

    #[test]
    fn what_earlier_rounds_made_is_not_taken_away() {
        check(&["a", "b", "c"], &["a"], &[], &["2 of the 3 files of the repository are gone"]);
        check(&["LICENSE", "a", "b"], &["a", "b"], &[], &["LICENSE is gone"]);
        check(&["data.csv", "a", "b"], &["a", "b"], &[], &["data.csv is gone"]);
        check(&["a"], &["a"], &["title"], &["a check that passed before fails: title"]);
    }

    #[test]
    fn a_large_new_library_is_worth_a_remark() {
        let (mut before, mut after) = (Site::new(), Site::new());
        let large = vec![b'x'; LARGE + 1];
        for path in ["vendor/chart.js", "data.json", "lib/old.min.js", "jquery.min.js"] {
            after.insert(path.parse().unwrap(), large.clone());
        }
        before.insert("lib/old.min.js".parse().unwrap(), large.clone());
        let remarks = large_libraries(&before, &after);
        assert_eq!(remarks, ["jquery.min.js adds a library of 200 KB", "vendor/chart.js adds a library of 200 KB"]);
    }
}
