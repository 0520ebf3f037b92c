//! URLs of pages: attributes, and those of the styles and scripts inside.

use std::ops::Range;

use super::{Kind, Reference, css, js, shifted};
use crate::html::URL_ATTRIBUTES;
use crate::markup::{Attribute, Markup, Tag};

/// Attributes with a list of URLs.
const LISTS: [&str; 2] = ["srcset", "imagesrcset"];

pub(super) fn references(text: &str, markup: &Markup) -> Vec<Reference> {
    let mut found = Vec::new();
    for tag in &markup.tags {
        found.extend(attributes(tag).map(|(attribute, at)| Reference {
            target: attribute.value.clone(),
            kind: if tag.name == "base" { Kind::Base } else { Kind::Link },
            at,
        }));
        for list in tag.attributes.iter().filter(|attribute| LISTS.contains(&attribute.name.as_str())) {
            found.extend(list.at.clone().into_iter().flat_map(|at| candidates(&list.value, at.start)));
        }
        if let Some(style) = tag.attribute("style")
            && let Some(at) = &style.at
        {
            found.extend(shifted(css::references(&style.value), at.start));
        }
        let content = text.get(tag.content.clone()).unwrap_or_default();
        if let Some(flavour) = tag.inline() {
            found.extend(shifted(js::references(content, flavour), tag.content.start));
        } else if tag.name == "style" {
            found.extend(shifted(css::references(content), tag.content.start));
        }
    }
    // An entity changes what the text says.
    found.retain(|reference| !reference.target.contains('&'));
    found
}

/// The attributes of a tag that hold one URL, and where it stands.
fn attributes(tag: &Tag) -> impl Iterator<Item = (&Attribute, Range<usize>)> {
    let holds_url = |attribute: &&Attribute| {
        let pair = (tag.name.as_str(), attribute.name.as_str());
        URL_ATTRIBUTES.contains(&pair) || pair == ("base", "href")
    };
    tag.attributes.iter().filter(holds_url).filter_map(|attribute| Some((attribute, attribute.at.clone()?)))
}

/// The URLs of a `srcset`, each the first word of its part. A part with a comma in its URL is left alone.
fn candidates(value: &str, from: usize) -> Vec<Reference> {
    if value.contains("data:") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut begin = 0;
    for part in value.split(',') {
        if let Some(url) = part.split_whitespace().next() {
            let at = from + begin + part.find(url).unwrap_or_default();
            found.push(Reference { at: at..at + url.len(), target: url.to_owned(), kind: Kind::Link });
        }
        begin += part.len() + 1;
    }
    found
}
