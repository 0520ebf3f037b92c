//! A page at once: valid HTML with the ids that a prompt names, and nothing clever.

/// What is said where no files are asked for.
pub(super) const SENTENCE: &str = "This page was made at once, for a measurement.\n";

/// A prompt may quote a whole stylesheet; a page needs no more ids than this.
const MAX_IDS: usize = 40;

/// The page.
pub(super) fn page(prompt: &str) -> String {
    let parts: String = ids(prompt).iter().map(|id| format!("<p id=\"{id}\">1</p>\n")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Instant page</title>\n</head>\n\
         <body>\n<h1>Instant page</h1>\n{parts}</body>\n</html>\n"
    )
}

/// The words behind each `#` that can be an id, in order, each once.
fn ids(prompt: &str) -> Vec<&str> {
    let mut ids = Vec::new();
    for rest in prompt.split('#').skip(1) {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
        let id = &rest[..end];
        if id.starts_with(|c: char| c.is_ascii_alphabetic()) && !ids.contains(&id) {
            ids.push(id);
            if ids.len() == MAX_IDS {
                break;
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_prompt_are_on_the_page_once() {
        assert_eq!(ids("#total-sales, (#a_1) ## #9 #total-sales #é #"), ["total-sales", "a_1"]);
        assert!(page("show #total").contains("<p id=\"total\">1</p>"));
        let many: String = (0..100).map(|n| format!("#x{n} ")).collect();
        assert_eq!(ids(&many).len(), MAX_IDS);
    }
}
