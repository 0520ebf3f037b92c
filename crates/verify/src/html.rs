//! A page as its HTML says it is, without running a script: what lint and link rules read. Where something stands in
//! the source says [`markup`](crate::markup).

use std::time::{Duration, Instant};

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// What a page holds, in document order.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub doctype: bool,
    pub title: Option<String>,
    /// Those of templates are not among them.
    pub ids: Vec<String>,
    pub links: Vec<Link>,
    /// `<base href>`, which moves all relative links.
    pub base: Option<String>,
    /// The parser's remarks, in order; most are of no consequence.
    pub errors: Vec<ParseError>,
}

/// A remark of the parser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// From 1; where the parser noticed.
    pub line: u32,
    /// The parser's own, its only name.
    pub words: String,
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

/// Remarks that are kept: the first ones explain the others.
const MAX_ERRORS: usize = 1_000;

/// Bytes read between two looks at the clock.
const CHUNK_BYTES: usize = 4 * 1024;

/// Reads a page. HTML has no fatal errors: any text is a page. Of a page that takes longer than
/// [`READ_TIMEOUT`] only the beginning is read.
pub(crate) fn read(text: &str) -> Page {
    let (dom, errors) = parse_noting(text);
    let mut page = Page { errors, ..Page::default() };
    // Not recursive: a page may be nested deeper than the stack.
    let mut rest = vec![dom.document.clone()];
    while let Some(node) = rest.pop() {
        visit(&node, &mut page);
        rest.extend(node.children.borrow().iter().rev().cloned());
    }
    if !page.doctype && page.errors.first().is_some_and(|error| error.words == UNEXPECTED) {
        // That is how the parser says that there is no doctype.
        page.errors.remove(0);
    }
    page
}

/// The tree of a page; of one that takes longer than [`READ_TIMEOUT`], of its beginning.
pub(crate) fn parse(text: &str) -> RcDom {
    parse_noting(text).0
}

/// Read line by line, since the parser does not say where it makes a remark.
fn parse_noting(text: &str) -> (RcDom, Vec<ParseError>) {
    let until = Instant::now() + READ_TIMEOUT;
    let mut parser = parse_document(RcDom::default(), ParseOpts::default());
    let mut errors: Vec<ParseError> = Vec::new();
    let mut note = |dom: &RcDom, line| {
        let said = dom.errors.borrow();
        let new = said.iter().skip(errors.len()).map(|words| ParseError { line, words: words.to_string() });
        let new: Vec<ParseError> = new.take(MAX_ERRORS.saturating_sub(errors.len())).collect();
        errors.extend(new);
    };
    let mut line = 1;
    for whole in text.split_inclusive('\n') {
        let mut rest = whole;
        while !rest.is_empty() && Instant::now() < until {
            let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK_BYTES.min(rest.len())));
            parser.process(StrTendril::from(chunk));
            rest = after;
        }
        note(&parser.tokenizer.sink.sink, line);
        line += 1;
    }
    let dom = parser.finish();
    note(&dom, line.saturating_sub(1).max(1));
    (dom, errors)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_without_running_it() {
        let page = read(
            "<!DOCTYPE html><title> T </title><base href='b/'><a id=x href='a.html'>a</a><svg><title>s</title></svg>\
             <script src='s.js'></script><script>let a = '<b>';</script><script type=module>import 'x'</script>\
             <script type='application/json'>{</script><!-- <a href='hidden'> --><style>p {}</style>\n</div>",
        );
        assert!(page.doctype);
        assert_eq!(page.title.as_deref(), Some(" T "));
        assert_eq!(page.base.as_deref(), Some("b/"));
        assert_eq!(page.ids, ["x"]);
        let targets: Vec<&str> = page.links.iter().map(|link| link.target.as_str()).collect();
        assert_eq!(targets, ["a.html", "s.js"]);
        assert_eq!(page.errors, [ParseError { line: 2, words: UNEXPECTED.to_owned() }]);
        assert_eq!(read("<title>T</title><p>ünïcödë".repeat(1000).as_str()).links, []);
    }

    #[test]
    fn no_text_is_too_deep() {
        assert!(read(&"<div id=a>".repeat(200_000)).ids.len() > 1_000);
    }
}
