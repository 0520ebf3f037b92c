//! Attachments that no element shows get one of their own: a table, a tree, a text, a picture.

use std::collections::HashSet;

use crate::maker::Brief;
use crate::maker::wants::{Element, Shows, Wants};

/// Files that are shown; the others are linked.
const MOST: usize = 8;

/// Rows of a table that nobody asked for.
const ROWS: usize = 200;

/// Characters of a text that nobody asked for.
const TEXT: usize = 20_000;

pub(super) fn add(wants: &mut Wants, brief: &Brief) {
    // Checks count elements of the whole page, which more of them would spoil.
    if wants.demands.counted {
        return;
    }
    let shown: HashSet<&str> = wants.elements.iter().filter_map(|element| seen(&element.shows)).collect();
    let is_gone =
        |tag: &str| wants.demands.absent.iter().any(|node| node.id.is_none() && node.tag.as_deref() == Some(tag));
    let data = &wants.data;
    let sheets = data
        .sheets
        .iter()
        .filter(|_| !is_gone("table"))
        .map(|sheet| (&sheet.file, Shows::Rows { file: sheet.file.clone(), limit: ROWS }));
    let objects = data.objects.iter().map(|object| (&object.file, Shows::Json { file: object.file.clone() }));
    let texts = data.texts.iter().filter(|text| text.text.len() <= TEXT).map(|text| {
        let file = text.file.clone();
        (&text.file, if text.markdown { Shows::Markdown { file } } else { Shows::FileText { file } })
    });
    let pictures = data
        .pictures
        .iter()
        .filter(|_| !is_gone("img"))
        .map(|picture| (&picture.file, Shows::Picture { file: picture.file.clone() }));
    let mut known = HashSet::new();
    let views = sheets.chain(objects).chain(texts).chain(pictures);
    let views: Vec<(String, Shows)> = views
        .filter(|(file, _)| !shown.contains(file.as_str()) && known.insert((*file).clone()))
        .take(MOST)
        .map(|(file, shows)| (file.clone(), shows))
        .collect();
    let names: Vec<(String, String)> =
        brief.attached.iter().map(|(path, _)| (crate::maker::html::href(path.as_str()), path.to_string())).collect();
    for (file, shows) in views {
        let Some(id) =
            (1..=1_000).map(|n| format!("file-{n}")).find(|id| wants.elements.iter().all(|element| element.id != *id))
        else {
            break;
        };
        let label =
            names.iter().find(|(address, _)| *address == file).map_or_else(|| file.clone(), |(_, name)| name.clone());
        wants.elements.push(Element::new(id, label, shows));
    }
}

/// The file whose contents an element lets one see.
fn seen(shows: &Shows) -> Option<&str> {
    match shows {
        Shows::Rows { file, .. }
        | Shows::Groups { file, .. }
        | Shows::List { file }
        | Shows::Json { file }
        | Shows::Picker { file }
        | Shows::Markdown { file }
        | Shows::FileText { file }
        | Shows::Picture { file } => Some(file),
        _ => None,
    }
}
