//! What a page says before any script runs: its title, its elements, its visible text.

use std::ops::Range;

use markup5ever_rcdom::{Handle, NodeData};

use crate::html;

/// A served page, as a reader sees it that runs no scripts.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// None when there is no `<title>`.
    pub title: Option<String>,
    /// In document order.
    pub elements: Vec<Element>,
    /// Text of the body outside scripts, styles and templates.
    pub text: String,
    /// Whether something in it may change it once it has loaded.
    pub scripted: bool,
}

/// One element.
#[derive(Debug)]
pub(crate) struct Element {
    /// In lower case.
    pub tag: String,
    /// Names in lower case.
    pub attributes: Vec<(String, String)>,
    /// Where its text stands in [`Outline::text`].
    pub text: Range<usize>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Elements kept of one page; one made by hand has some hundreds.
const MAX_ELEMENTS: usize = 100_000;

enum Visit {
    Enter(Handle),
    /// The end of the element at this place.
    Leave(usize),
}

/// Reads a page. Any text is one.
pub(crate) fn read(page: &str) -> Outline {
    let mut outline = Outline::default();
    // Kept to the end: a tree that is dropped takes its nodes apart.
    let dom = html::parse(page);
    // Not recursive: a page may be nested deeper than the stack.
    let mut rest = vec![Visit::Enter(dom.document.clone())];
    while let Some(visit) = rest.pop() {
        match visit {
            Visit::Leave(index) => {
                let end = outline.text.len();
                if let Some(element) = outline.elements.get_mut(index) {
                    element.text.end = end;
                }
            }
            Visit::Enter(node) => {
                let shown = enter(&node, &mut outline, &mut rest);
                if shown {
                    rest.extend(node.children.borrow().iter().rev().cloned().map(Visit::Enter));
                }
            }
        }
    }
    outline
}

/// Takes note of a node; says whether its children are part of what is shown.
fn enter(node: &Handle, outline: &mut Outline, rest: &mut Vec<Visit>) -> bool {
    match &node.data {
        NodeData::Text { contents } => {
            outline.text.push_str(&contents.borrow());
            true
        }
        NodeData::Element { name, attrs, .. } => {
            let attributes: Vec<(String, String)> =
                attrs.borrow().iter().map(|attr| (attr.name.local.to_string(), attr.value.to_string())).collect();
            let tag = name.local.to_string();
            outline.scripted |= tag == "script" || attributes.iter().any(|(name, _)| name.starts_with("on"));
            let is_html = &*name.ns == "http://www.w3.org/1999/xhtml";
            if tag == "title" && is_html {
                outline.title.get_or_insert_with(|| html::text_of(node));
            }
            let shown = !matches!(tag.as_str(), "script" | "style" | "template" | "noscript" | "title");
            if outline.elements.len() < MAX_ELEMENTS {
                let begin = outline.text.len();
                rest.push(Visit::Leave(outline.elements.len()));
                outline.elements.push(Element { tag, attributes, text: begin..begin });
            }
            shown
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_outlined() {
        let outline = read(
            "<!doctype html><title> A b </title><body onload='x()'><p id=a CLASS=c>one <b>two</b></p>\
             <svg><title>s</title></svg><style>no</style><template><p id=t>no</template><p id=z>three",
        );
        assert_eq!(outline.title.as_deref(), Some(" A b "));
        assert!(outline.scripted);
        assert_eq!(outline.text, "one twothree");
        let text = |id: &str| {
            let element = outline.elements.iter().find(|element| element.attribute("id") == Some(id));
            element.map(|element| &outline.text[element.text.clone()])
        };
        assert_eq!((text("a"), text("z"), text("t")), (Some("one two"), Some("three"), None));
        assert!(!read("<p>plain").scripted);
        assert!(read("<script src=x></script>").scripted);
        assert_eq!(read("").title, None);
    }

    #[test]
    fn no_page_is_too_deep() {
        assert!(read(&"<div id=a>".repeat(200_000)).elements.len() > 1_000);
    }
}
