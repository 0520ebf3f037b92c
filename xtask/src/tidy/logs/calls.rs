//! Finds what Rust source logs, in its tokens: comments, texts and formatting do not matter there.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const SPANS: [&str; 6] = ["error_span", "warn_span", "info_span", "debug_span", "trace_span", "record_all"];

/// One macro call.
#[derive(Debug)]
pub(super) struct Call {
    /// `path:line`.
    pub(super) place: String,
    pub(super) kind: Kind,
    /// The literal of its field `event`.
    pub(super) event: Option<String>,
    /// Names of its fields, as they are written.
    pub(super) fields: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An event of this level.
    Event(&'static str),
    /// A span, or fields recorded for one.
    Span,
    /// The attribute that makes spans by itself.
    Attribute,
}

/// All calls in `text`.
pub(super) fn find(path: &str, text: &str) -> Result<Vec<Call>> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{error}"))?;
    let mut calls = Vec::new();
    walk(path, tokens, &mut calls);
    Ok(calls)
}

fn walk(path: &str, tokens: TokenStream, calls: &mut Vec<Call>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let kind = match &trees[..at] {
            [.., TokenTree::Ident(name), TokenTree::Punct(mark)] if mark.as_char() == '!' => kind_of(&name.to_string()),
            [.., TokenTree::Punct(mark)] if mark.as_char() == '#' => is_instrument(group).then_some(Kind::Attribute),
            _ => None,
        };
        if let Some(kind) = kind {
            calls.push(read(path, kind, group));
        }
        walk(path, group.stream(), calls);
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    let event = LEVELS.into_iter().find(|level| *level == name).map(Kind::Event);
    event.or_else(|| SPANS.contains(&name).then_some(Kind::Span))
}

fn is_instrument(group: &Group) -> bool {
    let named = |tree: TokenTree| matches!(tree, TokenTree::Ident(name) if name == "instrument");
    group.delimiter() == Delimiter::Bracket && group.stream().into_iter().any(named)
}

fn read(path: &str, kind: Kind, group: &Group) -> Call {
    let place = format!("{path}:{}", group.span_open().start().line);
    let mut call = Call { place, kind, event: None, fields: Vec::new() };
    let trees: Vec<TokenTree> = group.stream().into_iter().collect();
    let mut arguments = trees.split(|tree| is_mark(tree, ','));
    match kind {
        Kind::Attribute => return call,
        // The name of the span, or the span itself.
        Kind::Span => _ = arguments.next(),
        Kind::Event(_) => {}
    }
    for argument in arguments {
        // The text; what follows it are its values.
        if let Some(TokenTree::Literal(_)) = argument.first() {
            break;
        }
        let Some((name, value)) = field(argument) else { continue };
        if let (true, [TokenTree::Literal(literal)]) = (name == "event", value) {
            call.event = Some(literal.to_string().trim_matches('"').to_owned());
        }
        call.fields.push(name);
    }
    call
}

/// Name and value of `name = value`, `name`, `%name` or `?name`; none for `parent: span`.
fn field(argument: &[TokenTree]) -> Option<(String, &[TokenTree])> {
    let start = usize::from(argument.first().is_some_and(|tree| is_mark(tree, '%') || is_mark(tree, '?')));
    let argument = argument.get(start..)?;
    let end = argument.iter().position(|tree| is_mark(tree, '=')).unwrap_or(argument.len());
    let (name, value) = argument.split_at(end);
    let is_name = |tree: &TokenTree| matches!(tree, TokenTree::Ident(_)) || is_mark(tree, '.');
    let whole = !name.is_empty() && name.iter().all(is_name);
    whole.then(|| (name.iter().map(ToString::to_string).collect(), value.get(1..).unwrap_or_default()))
}

fn is_mark(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}
