//! What checks demand of a site, put together from their readings.
//!
//! A check that cannot hold demands its elements at most. What nobody read demands nothing.

use std::collections::BTreeSet;

use shared_types::{Check, ElementQuery, JsonField, Matching, Oracle, Presence, QueryEffect, SitePath, TextForm};

use super::code::{self, Count, Said, Wanted};
use super::selector::Node;

/// Everything that the checks of all rounds demand.
#[derive(Debug, Default)]
pub(in crate::maker) struct Demands {
    /// Of the newest check that names one.
    pub(super) title: Option<String>,
    pub(super) title_parts: Vec<String>,
    /// Elements with ids, each once, in order of appearance.
    pub(super) spots: Vec<Spot>,
    /// Elements without ids.
    pub(in crate::maker) loose: Vec<Loose>,
    /// Ids that no element may have, tags and attributes that no element may have.
    pub(in crate::maker) absent: Vec<Node>,
    /// Texts that the page shows.
    pub(in crate::maker) shown: Vec<String>,
    /// Texts that the source of the page holds.
    pub(in crate::maker) source: Vec<String>,
    /// Texts that the page must not hold, in lower case.
    pub(in crate::maker) never: Vec<String>,
    /// Texts that the first script holds.
    pub(super) code: Vec<String>,
    /// Files beyond the page, in order of their names.
    pub(in crate::maker) files: BTreeSet<SitePath>,
    pub(in crate::maker) fields: Vec<(SitePath, Vec<JsonField>)>,
    pub(super) queries: Vec<Query>,
    pub(in crate::maker) readme_sections: Vec<String>,
    pub(in crate::maker) readme_texts: Vec<String>,
    pub(in crate::maker) readme_never: Vec<String>,
    /// Some check counts elements of the whole page, so that nothing may be added to it.
    pub(in crate::maker) counted: bool,
}

/// An element with an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) id: String,
    pub(super) tag: Option<String>,
    pub(super) attributes: Vec<(String, Option<String>)>,
    /// What is looked for inside of it.
    pub(super) inside: Vec<Vec<Node>>,
    pub(super) text: Option<Wanted>,
    /// How many of what is looked for inside there are.
    pub(super) count: Option<Count>,
    /// Its text is read from the served HTML.
    pub(super) served: bool,
}

/// An element without an id, with what is inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::maker) struct Loose {
    pub(in crate::maker) chain: Vec<Node>,
    pub(in crate::maker) text: Option<Wanted>,
}

/// What a page does when it is opened with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) parameter: String,
    pub(super) value: Option<String>,
    pub(super) effect: QueryEffect,
}

/// Elements and texts that are made; a page that needs more is not one that the scaffold can make.
const MOST: usize = 200;

pub(super) fn read(checks: &[Check]) -> Demands {
    let mut demands = Demands::default();
    for check in checks {
        if check.unsatisfiable.is_some() {
            demands.elements_of(&check.oracle);
        } else {
            demands.take(&check.oracle);
        }
    }
    let absent: BTreeSet<&String> = demands.absent.iter().filter_map(|node| node.id.as_ref()).collect();
    demands.spots.retain(|spot| !absent.contains(&spot.id));
    demands.spots.truncate(MOST);
    demands.loose.truncate(MOST);
    demands
}

impl Demands {
    /// The element of this id.
    pub(super) fn spot(&mut self, id: &str) -> Option<&mut Spot> {
        let fits = id.starts_with(|c: char| c.is_alphabetic()) && id.len() <= 100;
        if !fits || !id.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            return None;
        }
        if !self.spots.iter().any(|spot| spot.id == id) {
            self.spots.push(Spot { id: id.to_owned(), ..Spot::default() });
        }
        self.spots.iter_mut().find(|spot| spot.id == id)
    }

    fn take(&mut self, oracle: &Oracle) {
        match oracle {
            Oracle::JavaScript { expression } => self.code(code::read(expression)),
            Oracle::Title { text, matching: Matching::Equals } => self.title = Some(text.clone()),
            Oracle::Title { text, matching: Matching::Contains } => self.title_parts.push(text.clone()),
            Oracle::Elements { elements, presence } => {
                let nodes = elements.iter().map(node);
                match presence {
                    Presence::Present => nodes.for_each(|node| self.chain(vec![node], None, None)),
                    Presence::Absent => self.absent.extend(nodes),
                }
            }
            Oracle::ElementText { id, form } => {
                let text = wanted(form);
                if let Some(spot) = self.spot(id) {
                    spot.served = true;
                    spot.text = text.or(spot.text.take());
                }
            }
            Oracle::SourceText { path, texts, presence } => self.source(path, texts, *presence),
            Oracle::PageText { texts, presence: Presence::Present } => self.shown.extend(texts.iter().cloned()),
            Oracle::PageText { texts, presence: Presence::Absent } => {
                self.never.extend(texts.iter().map(|text| text.to_lowercase()));
            }
            Oracle::FilesExist { paths } | Oracle::FilesServed { paths } => self.files.extend(paths.iter().cloned()),
            Oracle::FileLinked { path } | Oracle::FileIsJson { path } => {
                self.files.insert(path.clone());
            }
            Oracle::JsonFields { path, fields } => {
                self.files.insert(path.clone());
                self.fields.push((path.clone(), fields.clone()));
            }
            Oracle::Query { parameter, value, effect } => {
                let id = match effect {
                    QueryEffect::ShowsValue { id } | QueryEffect::ShowsText { id, .. } => id.as_deref(),
                    _ => None,
                };
                if let Some(id) = id {
                    self.spot(id);
                }
                let (parameter, effect) = (parameter.clone(), effect.clone());
                self.queries.push(Query { parameter, value: value.clone(), effect });
            }
            Oracle::ReadmeSections { sections } => self.readme_sections.extend(sections.iter().cloned()),
            Oracle::Licence | Oracle::Readme | Oracle::FileEqualsAttachment { .. } | Oracle::Judge => {}
        }
    }

    /// What is demanded even where the rest cannot hold.
    fn elements_of(&mut self, oracle: &Oracle) {
        match oracle {
            Oracle::JavaScript { expression } => {
                let said = code::read(expression);
                if !said.absent {
                    said.chains.into_iter().for_each(|chain| self.chain(chain, None, None));
                }
            }
            Oracle::ElementText { id, .. } => {
                self.spot(id);
            }
            _ => {}
        }
    }

    fn source(&mut self, path: &SitePath, texts: &[String], presence: Presence) {
        let texts = texts.iter().cloned();
        match (path.as_str(), presence) {
            ("index.html", Presence::Present) => self.source.extend(texts),
            ("index.html", Presence::Absent) => self.never.extend(texts.map(|text| text.to_lowercase())),
            ("README.md", Presence::Present) => self.readme_texts.extend(texts),
            ("README.md", Presence::Absent) => self.readme_never.extend(texts),
            (_, Presence::Present) => {
                self.files.insert(path.clone());
            }
            (_, Presence::Absent) => {}
        }
    }

    fn code(&mut self, said: Said) {
        self.title = said.title.or(self.title.take());
        self.title_parts.extend(said.title_part);
        self.shown.extend(said.shown);
        self.code.extend(said.code);
        if said.absent {
            self.absent.extend(said.chains.into_iter().filter_map(|mut chain| chain.pop()));
            return;
        }
        for chain in said.chains {
            let has_id = chain.iter().any(|node| node.id.is_some());
            self.counted |= !has_id && matches!(said.count, Some(Count::Exactly(_)));
            self.chain(chain, said.text.clone(), said.count);
        }
    }

    fn chain(&mut self, chain: Vec<Node>, text: Option<Wanted>, count: Option<Count>) {
        let Some(at) = chain.iter().position(|node| node.id.is_some()) else {
            // A text that an element gets once more is the newer one's.
            match self.loose.iter_mut().find(|loose| loose.chain == chain) {
                Some(loose) => loose.text = text.or(loose.text.take()),
                None => self.loose.push(Loose { chain, text }),
            }
            return;
        };
        let mut rest = chain.into_iter().skip(at);
        let Some(node) = rest.next() else { return };
        let Some(spot) = node.id.as_deref().and_then(|id| self.spot(id)) else { return };
        spot.tag = node.tag.or(spot.tag.take());
        for attribute in node.attributes {
            if !spot.attributes.contains(&attribute) {
                spot.attributes.push(attribute);
            }
        }
        let inside: Vec<Node> = rest.collect();
        if inside.is_empty() {
            spot.text = text.or(spot.text.take());
        } else {
            spot.count = count.or(spot.count.take());
            spot.inside.push(inside);
        }
    }
}

fn node(query: &ElementQuery) -> Node {
    let attribute = query.attribute.iter().map(|attribute| (attribute.name.clone(), attribute.value.clone()));
    Node { tag: query.tag.clone(), id: query.id.clone(), attributes: attribute.collect() }
}

fn wanted(form: &TextForm) -> Option<Wanted> {
    Some(match form {
        TextForm::Integer { equals: Some(number) } | TextForm::Number { equals: Some(number) } => {
            Wanted::Number(number.clone())
        }
        TextForm::Integer { equals: None } => Wanted::Whole,
        TextForm::Equals { text } if text.trim().parse::<f64>().is_ok() => Wanted::Number(text.trim().to_owned()),
        TextForm::Equals { text } => Wanted::Is(text.clone()),
        TextForm::Contains { text } => Wanted::Holds(text.clone()),
        TextForm::NotEmpty | TextForm::Number { equals: None } | TextForm::Integers { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_types::Round;

    use super::*;

    fn demands(oracles: &[Value]) -> Demands {
        let check = |oracle: &Value| Check::new(Round::FIRST, 0, "x", serde_json::from_value(oracle.clone()).unwrap());
        read(&oracles.iter().map(check).collect::<Vec<_>>())
    }

    fn js(code: &str) -> Value {
        json!({"kind": "java_script", "expression": code})
    }

    #[test]
    fn an_element_is_what_all_checks_say_of_it() {
        let found = demands(&[
            js("document.querySelector('#f').tagName === 'FORM'"),
            js("document.querySelectorAll('#f input[type=email]').length === 1"),
            json!({"kind": "elements", "elements": [{"id": "f", "attribute": {"name": "role", "value": "search"}}], "presence": "present"}),
            json!({"kind": "element_text", "id": "n", "form": {"form": "integer"}}),
            js("!document.querySelector('#gone')"),
            js("document.getElementById('gone').textContent === 'x'"),
        ]);
        let ids: Vec<&str> = found.spots.iter().map(|spot| spot.id.as_str()).collect();
        assert_eq!(ids, ["f", "n"]);
        let form = &found.spots[0];
        assert_eq!((form.tag.as_deref(), form.inside.len(), form.count), (Some("form"), 1, Some(Count::Exactly(1))));
        assert_eq!(form.attributes, [("role".to_owned(), Some("search".to_owned()))]);
        assert!(found.spots[1].served && found.spots[1].text == Some(Wanted::Whole));
    }

    #[test]
    fn what_cannot_hold_still_has_its_element() {
        let mut check = Check::new(
            Round::FIRST,
            0,
            "x",
            serde_json::from_value(js("document.getElementById('n').textContent.trim() === '9'")).unwrap(),
        );
        check.unsatisfiable = Some("the data says otherwise".to_owned());
        let found = read(&[check]);
        assert_eq!((found.spots[0].id.as_str(), &found.spots[0].text), ("n", &None));
    }

    #[test]
    fn ids_that_no_page_can_have_are_left_out() {
        let id = |id: &str| json!({"kind": "elements", "elements": [{"id": id}], "presence": "present"});
        assert!(demands(&[id("\"><script>"), id(""), id("1"), id("a b"), id(&"x".repeat(200))]).spots.is_empty());
    }
}
