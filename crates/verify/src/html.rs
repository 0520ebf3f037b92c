//! A page as its HTML says it is, without running a script: what lint and link rules read.

use std::time::{Duration, Instant};

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::script::Flavour;

/// What a page holds, in document order.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub doctype: bool,
    pub title: Option<String>,
    pub ids: Vec<String>,
    pub scripts: Vec<Script>,
    pub styles: Vec<String>,
    pub links: Vec<Link>,
    /// `<base href>`, which moves all relative links.
    pub base: Option<String>,
    /// Parse errors that show a misplaced or unclosed element.
    pub errors: Vec<String>,
}

/// An inline script.
#[derive(Debug)]
pub(crate) struct Script {
    /// None for a block that is no JavaScript: a template, JSON, an import map.
    pub flavour: Option<Flavour>,
    pub text: String,
}

/// A URL in an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub element: String,
    pub attribute: &'static str,
    pub target: String,
}

/// Attributes that hold one URL, and the elements on which they do.
pub(crate) const URL_ATTRIBUTES: [(&str, &str); 15] = [
    ("a", "href"),
    ("area", "href"),
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("track", "src"),
    ("audio", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("iframe", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("image", "href"),
    ("use", "href"),
];

/// What reading one page may take. The parser's time grows with the square of the nesting, so a page
/// of nothing but open tags would keep it for minutes; a page made by hand takes milliseconds.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes read between two looks at the clock.
const CHUNK_BYTES: usize = 4 * 1024;

/// Reads a page. HTML has no fatal errors: any text is a page. Of a page that takes longer than
/// [`READ_TIMEOUT`] only the beginning is read.
pub(crate) fn read(text: &str) -> Page {
    let dom = parse(text);
    let mut page = Page::default();
    // Not recursive: a page may be nested deeper than the stack.
    let mut rest = vec![dom.document.clone()];
    while let Some(node) = rest.pop() {
        visit(&node, &mut page);
        rest.extend(node.children.borrow().iter().rev().cloned());
    }
    page.errors = dom.errors.borrow().iter().filter(|error| is_serious(error)).map(ToString::to_string).collect();
    if !page.doctype && page.errors.first().is_some_and(|error| error == UNEXPECTED) {
        // That is how the parser says that there is no doctype.
        page.errors.remove(0);
    }
    page
}

/// The tree of a page; of one that takes longer than [`READ_TIMEOUT`], of its beginning.
pub(crate) fn parse(text: &str) -> RcDom {
    let until = Instant::now() + READ_TIMEOUT;
    let mut parser = parse_document(RcDom::default(), ParseOpts::default());
    let mut rest = text;
    while !rest.is_empty() && Instant::now() < until {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK_BYTES.min(rest.len())));
        parser.process(StrTendril::from(chunk));
        rest = after;
    }
    parser.finish()
}

const UNEXPECTED: &str = "Unexpected token";

fn visit(node: &Handle, page: &mut Page) {
    match &node.data {
        NodeData::Doctype { .. } => page.doctype = true,
        NodeData::Element { name, attrs, .. } => {
            let element = name.local.to_string();
            let attribute = |wanted: &str| {
                let attrs = attrs.borrow();
                attrs.iter().find(|attr| &*attr.name.local == wanted).map(|attr| attr.value.to_string())
            };
            page.ids.extend(attribute("id").filter(|id| !id.is_empty()));
            for (_, name) in URL_ATTRIBUTES.into_iter().filter(|(owner, _)| *owner == element) {
                let link = |target| Link { element: element.clone(), attribute: name, target };
                page.links.extend(attribute(name).map(link));
            }
            match element.as_str() {
                // The title of an inline SVG is not the page's.
                "title" if page.title.is_none() && &*name.ns == "http://www.w3.org/1999/xhtml" => {
                    page.title = Some(text_of(node));
                }
                "base" if page.base.is_none() => page.base = attribute("href"),
                "style" => page.styles.push(text_of(node)),
                "script" if attribute("src").is_none() => {
                    let flavour = Flavour::of_type(attribute("type").as_deref());
                    page.scripts.push(Script { flavour, text: text_of(node) });
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// The text directly inside an element.
pub(crate) fn text_of(node: &Handle) -> String {
    let children = node.children.borrow();
    let texts = children.iter().filter_map(|child| match &child.data {
        NodeData::Text { contents } => Some(contents.borrow().to_string()),
        _ => None,
    });
    texts.collect()
}

/// Of the parser's many remarks, those that mean that the tree is not what its author meant. The
/// parser's words are its only identification.
fn is_serious(error: &str) -> bool {
    const SERIOUS: [&str; 10] = [
        UNEXPECTED,
        "Unexpected open element",
        "No matching tag to close",
        "Formatting element not",
        "Closing wrong heading tag",
        "Duplicate attribute",
        "nested forms",
        "nested buttons",
        "Non-space table text",
        "expected to close",
    ];
    SERIOUS.iter().any(|words| error.starts_with(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_without_running_it() {
        let page = read(
            "<!DOCTYPE html><title> T </title><base href='b/'><a id=x href='a.html'>a</a><svg><title>s</title></svg>\
             <script src='s.js'></script><script>let a = '<b>';</script><script type=module>import 'x'</script>\
             <script type='application/json'>{</script><!-- <a href='hidden'> --><style>p {}</style></div>",
        );
        assert!(page.doctype);
        assert_eq!(page.title.as_deref(), Some(" T "));
        assert_eq!(page.base.as_deref(), Some("b/"));
        assert_eq!(page.ids, ["x"]);
        let targets: Vec<&str> = page.links.iter().map(|link| link.target.as_str()).collect();
        assert_eq!(targets, ["a.html", "s.js"]);
        let flavours: Vec<_> = page.scripts.iter().map(|script| script.flavour).collect();
        assert_eq!(flavours, [Some(Flavour::Classic), Some(Flavour::Module), None]);
        assert_eq!(page.scripts[0].text, "let a = '<b>';");
        assert_eq!(page.styles, ["p {}"]);
        assert_eq!(page.errors, [UNEXPECTED]);
        assert_eq!(read("<title>T</title><p>ünïcödë".repeat(1000).as_str()).errors.len(), 0);
    }

    #[test]
    fn no_text_is_too_deep() {
        assert!(read(&"<div id=a>".repeat(200_000)).ids.len() > 1_000);
    }
}
