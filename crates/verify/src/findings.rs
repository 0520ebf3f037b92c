//! What a person would call wrong at the first look, though no check asked.

use shared_types::{Finding, Severity, SitePath};

use crate::browser::{PHONE, PageReport, Sight};
use crate::unanswered::told;

/// The findings of a page that was opened.
pub(crate) fn of(page: &PageReport) -> Vec<Finding> {
    let dead = page.ended.map(|how| (Severity::Error, "page.dead", how.to_owned()));
    let blank = page.sight.as_ref().filter(|sight| sight.blank).map(|_| blank(page));
    let wide = page.sight.as_ref().and_then(overflow).map(|said| (Severity::Notice, "page.overflow", said));
    let Ok(path) = "index.html".parse::<SitePath>() else { return Vec::new() };
    let finding = |(severity, rule, message): (Severity, &str, String)| Finding {
        severity,
        rule: rule.to_owned(),
        path: path.clone(),
        line: None,
        message,
    };
    dead.into_iter().chain(blank).chain(wide).map(finding).collect()
}

/// Without its library a page may rightly have nothing to show.
fn blank(page: &PageReport) -> (Severity, &'static str, String) {
    let said = "the page is blank: nothing on it can be seen";
    match told(&page.unanswered) {
        why if why.is_empty() => (Severity::Error, "page.blank", said.to_owned()),
        why => (Severity::Notice, "page.blank", format!("{said}; but {why}")),
    }
}

fn overflow(sight: &Sight) -> Option<String> {
    let overflow = sight.overflow.as_ref()?;
    let widest = match overflow.widest.as_str() {
        "" => String::new(),
        widest => format!("; <{widest}> reaches over the edge"),
    };
    let (phone, width) = (PHONE.0, overflow.width);
    Some(format!("on a phone {phone} px wide the page is {width} px wide and scrolls sideways{widest}"))
}
