//! A page as it is written: every tag, attribute and raw text with its place in the source.
//!
//! Where [`html`](crate::html) says what a page means, this says where that stands, so that a place can be
//! named in a finding or changed without touching the rest.

use std::cell::RefCell;
use std::ops::Range;
use std::time::{Duration, Instant};

use lol_html::html_content::{Comment, Doctype, Element, TextChunk, TextType};
use lol_html::{DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, Selector, Settings};

use crate::script::Flavour;

/// A page in the order of its source.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    /// After a tag it does not count.
    pub doctype: Option<Range<usize>>,
    /// Start tags.
    pub tags: Vec<Tag>,
    /// Comments, and texts in which `<` begins no tag: nothing in them is markup.
    pub opaque: Vec<Range<usize>>,
}

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    /// In lower case.
    pub name: String,
    /// From `<` to `>`.
    pub span: Range<usize>,
    pub attributes: Vec<Attribute>,
    /// The raw text of a script or style, which ends where its end tag begins.
    pub content: Range<usize>,
}

/// An attribute.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// In lower case.
    pub name: String,
    /// As it is written, entities and all.
    pub value: String,
    /// The name.
    pub name_at: Range<usize>,
    /// The value without its quotes; none for an attribute without one.
    pub at: Option<Range<usize>>,
}

impl Attribute {
    /// The name with the value and its quotes.
    pub(crate) fn span(&self, text: &str) -> Range<usize> {
        let Some(at) = &self.at else { return self.name_at.clone() };
        let quoted = text.get(..at.start).is_some_and(|before| before.ends_with(['"', '\'']));
        self.name_at.start..at.end + usize::from(quoted)
    }
}

/// What reading one page may take: the reader's time can grow with the square of the nesting.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes read between two looks at the clock.
const CHUNK_BYTES: usize = 16 * 1024;

impl Tag {
    /// The attribute of this name; the first counts.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The value of an attribute.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|attribute| attribute.value.as_str())
    }

    /// How an inline script is run; none for other tags, scripts with a source, and blocks of data.
    pub(crate) fn inline(&self) -> Option<Flavour> {
        (self.name == "script" && self.value("src").is_none()).then(|| Flavour::of_type(self.value("type"))).flatten()
    }

    /// How a script from a file is run, and from where.
    pub(crate) fn external(&self) -> Option<(Flavour, &str)> {
        let source = if self.name == "script" { self.value("src")? } else { return None };
        Some((Flavour::of_type(self.value("type"))?, source))
    }
}

impl Markup {
    /// The first tag of this name.
    pub(crate) fn first(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// Whether it is a page of its own and no piece of one.
    pub(crate) fn is_document(&self) -> bool {
        self.doctype.is_some()
            || self.tags.iter().any(|tag| matches!(tag.name.as_str(), "html" | "head" | "body" | "title"))
    }

    /// Where `</name>` ends for the last time.
    pub(crate) fn last_end(&self, text: &str, name: &str) -> Option<usize> {
        let mark = format!("</{name}");
        let bytes = text.as_bytes();
        let mut upto = text.len();
        // Bounded: each round ends before the last.
        while let Some(at) = (0..upto.saturating_sub(mark.len() - 1))
            .rev()
            .find(|at| bytes.get(*at..at + mark.len()).is_some_and(|word| word.eq_ignore_ascii_case(mark.as_bytes())))
        {
            let hidden = self.opaque.iter().any(|range| range.contains(&at));
            let rest = text.get(at + mark.len()..)?;
            let close = rest.find('>').filter(|end| rest[..*end].trim().is_empty());
            match close {
                Some(close) if !hidden => return Some(at + mark.len() + close + 1),
                _ => upto = at,
            }
        }
        None
    }
}

/// Reads a page; none when it is too strange to be read within [`READ_TIMEOUT`].
pub(crate) fn read(text: &str) -> Option<Markup> {
    let everything: Selector = "*".parse().ok()?;
    let markup = RefCell::new(Markup::default());
    let until = Instant::now() + READ_TIMEOUT;
    let settings = Settings::new()
        .with_strict(false)
        .append_element_content_handler((
            std::borrow::Cow::Owned(everything),
            ElementContentHandlers::default().element(|element: &mut Element<'_, '_>| {
                markup.borrow_mut().tags.push(tag(element));
                Ok(())
            }),
        ))
        .append_document_content_handler(
            DocumentContentHandlers::default()
                .doctype(|doctype: &mut Doctype<'_>| {
                    let mut markup = markup.borrow_mut();
                    if markup.tags.is_empty() {
                        markup.doctype.get_or_insert(doctype.source_location().bytes());
                    }
                    Ok(())
                })
                .comments(|comment: &mut Comment<'_>| {
                    markup.borrow_mut().opaque.push(comment.source_location().bytes());
                    Ok(())
                })
                .text(|chunk: &mut TextChunk<'_>| {
                    raw_text(&mut markup.borrow_mut(), chunk);
                    Ok(())
                }),
        );
    let mut reader = HtmlRewriter::new(settings, |_: &[u8]| {});
    for chunk in text.as_bytes().chunks(CHUNK_BYTES) {
        reader.write(chunk).ok()?;
        if Instant::now() > until {
            return None;
        }
    }
    reader.end().ok()?;
    Some(markup.into_inner())
}

fn tag(element: &Element<'_, '_>) -> Tag {
    let span = element.source_location().bytes();
    let attribute = |attribute: &lol_html::html_content::Attribute<'_>| {
        let name = attribute.name_source_location()?.bytes();
        let at = attribute.value_source_location().map(|at| at.bytes());
        Some(Attribute { name: attribute.name(), value: attribute.value(), name_at: name, at })
    };
    Tag {
        name: element.tag_name(),
        attributes: element.attributes().iter().filter_map(attribute).collect(),
        content: span.end..span.end,
        span,
    }
}

/// Texts come in pieces; a script's and a style's pieces follow their tag.
fn raw_text(markup: &mut Markup, chunk: &TextChunk<'_>) {
    let at = chunk.source_location().bytes();
    if at.is_empty() || matches!(chunk.text_type(), TextType::Data) {
        return;
    }
    if let Some(tag) = markup.tags.last_mut().filter(|tag| matches!(tag.name.as_str(), "script" | "style"))
        && tag.content.end == at.start
    {
        tag.content.end = at.end;
    }
    match markup.opaque.last_mut() {
        Some(last) if last.end == at.start => last.end = at.end,
        _ => markup.opaque.push(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_place() {
        let page = "<!DOCTYPE html>\n<HTML Lang=en><!-- </html> --><script src='a.js' defer></script><script>let a = '</html>' + \"<p>\";</script>\n<p title=\"ü\">é</p></html >\nbye";
        let markup = read(page).unwrap();
        assert_eq!(markup.doctype, Some(0..15));
        let said = |tag: &Tag| {
            let attributes = tag.attributes.iter().map(|attribute| {
                let at = attribute.at.clone().map(|at| &page[at]);
                format!(" {}={at:?}", attribute.name)
            });
            format!("{}{}", tag.name, attributes.collect::<String>())
        };
        let tags: Vec<String> = markup.tags.iter().map(said).collect();
        assert_eq!(
            tags,
            ["html lang=Some(\"en\")", "script src=Some(\"a.js\") defer=None", "script", "p title=Some(\"ü\")"]
        );
        assert!(
            markup
                .tags
                .iter()
                .all(|tag| page[tag.span.clone()].starts_with('<') && page[tag.span.clone()].ends_with('>'))
        );
        assert_eq!(&page[markup.tags[2].content.clone()], "let a = '</html>' + \"<p>\";");
        assert_eq!(markup.last_end(page, "html"), Some(page.len() - 4));
        assert_eq!(markup.last_end(page, "body"), None);
        assert!(markup.is_document() && !read("<p>piece</p>").unwrap().is_document());
    }

    #[test]
    fn a_long_script_is_whole() {
        let page = format!("<script>{}</script><style>p{{}}</style>", "f('é');".repeat(10_000));
        let markup = read(&page).unwrap();
        assert_eq!(markup.tags[0].content, 8..8 + 80_000);
        assert_eq!(&page[markup.tags[1].content.clone()], "p{}");
    }

    #[test]
    fn no_page_is_too_strange() {
        for part in
            ["<div>", "<b><p>", "</p>", "<script>", "<!--", "<a href=", "\u{0}", "<svg><style>", "<select><xmp>"]
        {
            read(&part.repeat(30_000 / part.len()));
        }
    }
}
