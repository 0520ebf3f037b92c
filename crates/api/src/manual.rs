//! `docs/errors.md` as a page for people. The `type` of every problem points at one of its sections, so each heading
//! that is a code becomes the target of its link.

use std::fmt::Write as _;
use std::sync::LazyLock;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::problem::{ALL, Kind};

/// The source, for programs and people at a terminal.
pub(crate) const MARKDOWN: &str = include_str!("../../../docs/errors.md");

/// The page, rendered once.
pub(crate) static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("../../../templates/pages/errors.html")
        .replace("{{contents}}", &contents())
        .replace("{{text}}", &text(MARKDOWN))
});

fn contents() -> String {
    let mut list = String::new();
    for kind in ALL {
        let (code, title) = (kind.code, kind.title);
        // Writing to a String cannot fail.
        let _ =
            writeln!(list, r##"<li><a href="#{code}" title="{title}">{} <code>{code}</code></a></li>"##, badge(kind));
    }
    list
}

fn badge(kind: &Kind) -> String {
    let side = if kind.status < 500 { "client" } else { "server" };
    format!(r#"<span class="status {side}">{}</span>"#, kind.status)
}

/// Where in a section the reader is.
#[derive(PartialEq, Eq)]
enum Place {
    /// Nothing of it was read yet.
    SectionBegins,
    /// In its first words when they are bold: the status.
    Status,
    /// Behind them.
    Text,
}

/// The text with a section for each code. What a section says first, its status, is in the heading already.
fn text(markdown: &str) -> String {
    let mut page = String::new();
    // The events between two headings are rendered together.
    let mut pending: Vec<Event<'_>> = Vec::new();
    let mut heading: Option<String> = None;
    let mut sections = 0_usize;
    let mut place = Place::Text;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                html::push_html(&mut page, pending.drain(..));
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => {
                let code = heading.take().unwrap_or_default();
                page.push_str(if sections == 0 { "" } else { "</section>\n" });
                page.push_str(&opening(&code));
                sections += 1;
                place = Place::SectionBegins;
            }
            Event::Start(Tag::Strong) if place == Place::SectionBegins => place = Place::Status,
            Event::End(TagEnd::Strong) if place == Place::Status => place = Place::Text,
            _ if place == Place::Status => {}
            Event::Text(piece) if heading.is_some() => {
                heading.get_or_insert_default().push_str(&piece);
            }
            other => {
                if matches!(other, Event::Text(_)) {
                    place = Place::Text;
                }
                pending.push(other);
            }
        }
    }
    html::push_html(&mut page, pending.drain(..));
    page.push_str(if sections == 0 { "" } else { "</section>\n" });
    page
}

/// A test holds that every heading of the text is a code; one that is none would be a section without a status.
fn opening(code: &str) -> String {
    let kind = ALL.iter().find(|kind| kind.code == code);
    let (badge, title) = kind.map_or_else(Default::default, |kind| (badge(kind), kind.title));
    format!(
        "<section id=\"{code}\">\n<h2>{badge} <a href=\"#{code}\"><code>{code}</code></a></h2>\n\
         <p class=\"title\">{title}</p>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_section_that_its_type_leads_to() {
        for kind in ALL {
            let code = kind.code;
            assert_eq!(PAGE.matches(&format!("<section id=\"{code}\">")).count(), 1, "{code}");
            assert!(PAGE.contains(&format!("<li><a href=\"#{code}\" ")), "{code}");
        }
        assert_eq!(PAGE.matches("<section").count(), PAGE.matches("</section>").count());
        assert!(!PAGE.contains("{{"), "a placeholder is left");
    }

    #[test]
    fn text_is_escaped_and_the_status_said_once() {
        let page = text("# A\n\nx < y & `<b>`\n\n## conflict\n\n**409.** Taken, and **for good**.\n");
        assert!(page.contains("Taken, and <strong>for good</strong>.") && !page.contains("<strong>409"), "{page}");
        assert!(page.contains("x &lt; y &amp; <code>&lt;b&gt;</code>"), "{page}");
        assert!(page.contains("<section id=\"conflict\">") && page.ends_with("</section>\n"), "{page}");
    }
}
