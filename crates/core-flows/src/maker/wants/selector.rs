//! Simple CSS selectors, as far as they say what a page must have: tags, ids, classes, attributes and
//! what stands inside of what. Pseudo-classes only choose among elements, so they are passed over.

/// One element of a selector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::maker) struct Node {
    pub(in crate::maker) tag: Option<String>,
    pub(in crate::maker) id: Option<String>,
    /// Classes among them. Without a value any will do.
    pub(in crate::maker) attributes: Vec<(String, Option<String>)>,
}

/// Selectors of one list that are read.
const MAX_SELECTORS: usize = 20;

/// From the outermost to the innermost element; one chain for each selector of a list.
pub(super) fn chains(selector: &str) -> Vec<Vec<Node>> {
    let mut chains = Vec::new();
    for part in split(selector).into_iter().take(MAX_SELECTORS) {
        chains.extend(chain(part.trim()).filter(|chain| !chain.is_empty()));
    }
    chains
}

impl Node {
    /// Whether nothing is known of it.
    fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// At commas outside of brackets.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in selector.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts
}

/// None for what is no selector of elements side by side or inside of each other.
fn chain(text: &str) -> Option<Vec<Node>> {
    let (mut chain, mut node, mut rest) = (Vec::new(), Node::default(), text);
    while let Some(first) = rest.chars().next() {
        match first {
            '#' => node.id = Some(name(&mut rest, 1)?),
            '.' => {
                let class = name(&mut rest, 1)?;
                node.attributes.push(("class".to_owned(), Some(class)));
            }
            '[' => {
                let end = rest.find(']')?;
                node.attributes.push(attribute(&rest[1..end])?);
                rest = &rest[end + 1..];
            }
            ':' => rest = pseudo(rest),
            '*' => rest = &rest[1..],
            ' ' | '>' | '\n' | '\t' => {
                if !node.is_any() {
                    chain.push(std::mem::take(&mut node));
                }
                rest = &rest[1..];
            }
            c if c.is_ascii_alphabetic() => node.tag = Some(name(&mut rest, 0)?.to_lowercase()),
            _ => return None,
        }
    }
    if !node.is_any() {
        chain.push(node);
    }
    Some(chain)
}

/// Takes a name from `rest`, after `skip` bytes.
fn name(rest: &mut &str, skip: usize) -> Option<String> {
    let text = &rest[skip..];
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).unwrap_or(text.len());
    *rest = &text[end..];
    (end > 0).then(|| text[..end].to_owned())
}

fn attribute(text: &str) -> Option<(String, Option<String>)> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let name = name.trim().trim_end_matches(['*', '^', '$', '~', '|']).to_lowercase();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let value = value.map(|value| value.trim().trim_end_matches(" i").trim_matches(['"', '\'', '\\']).to_owned());
    // What a script fills in is not known here.
    let value = value.filter(|value| !value.contains("${"));
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, value))
}

/// What follows a pseudo-class and its argument.
fn pseudo(text: &str) -> &str {
    let after = text.trim_start_matches(|c: char| c == ':' || c == '-' || c.is_alphanumeric());
    if !after.starts_with('(') {
        return after;
    }
    let mut depth = 0_i32;
    for (at, c) in after.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return &after[at + 1..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(selector: &str, expected: &[&str]) {
        let say = |node: &Node| {
            let id = node.id.as_ref().map(|id| format!("#{id}")).unwrap_or_default();
            let attribute = |(name, value): &(String, Option<String>)| match value {
                Some(value) => format!("[{name}={value}]"),
                None => format!("[{name}]"),
            };
            let attributes: String = node.attributes.iter().map(attribute).collect();
            format!("{}{id}{attributes}", node.tag.as_deref().unwrap_or_default())
        };
        let found: Vec<String> =
            chains(selector).iter().map(|chain| chain.iter().map(say).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(found, expected, "{selector}");
    }

    #[test]
    fn selectors() {
        check("#a", &["#a"]);
        check("#a tbody > tr:nth-child(2) td.last", &["#a tbody tr td[class=last]"]);
        check("form#f input[type='email'][required], a", &["form#f input[type=email][required]", "a"]);
        check("option[value='${c}']", &["option[value]"]);
        check("script[src*=\"highlight.js\"]", &["script[src=highlight.js]"]);
        check("a:not([href='#, x']):hover", &["a"]);
        check("a + b", &[]);
        check("", &[]);
        check("#", &[]);
        check("[", &[]);
        check("é#ü", &[]);
    }
}
