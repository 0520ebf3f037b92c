//! A text becomes blocks. What cannot be a block is a fault, never a guess.

use bytes::Bytes;
use shared_types::SitePath;

use super::{Answer, Edit, Fault, Op};
use crate::maker::derive::Derivation;

/// More blocks than any page needs; a bound against runaway answers.
const MAX_BLOCKS: usize = 400;

/// Characters of a wrong path that are shown again.
const SHOWN_PATH: usize = 200;

/// An answer holds more blocks than any site needs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds more than {MAX_BLOCKS} blocks")]
pub(crate) struct TooMany;

/// What a text holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) answer: Answer,
    /// The last block has no end: the text was cut.
    pub(crate) open: bool,
}

/// The marks of one boundary.
#[derive(Debug)]
pub(super) struct Marks {
    file: String,
    edit: String,
    delete: String,
    derive: String,
    with: String,
    end_of_file: String,
    end_of_edit: String,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    File(&'a str),
    Edit(&'a str),
    Delete(&'a str),
    Derive(&'a str),
    With,
    EndOfFile,
    EndOfEdit,
}

/// A block that has begun.
enum Open<'a> {
    File { path: &'a str, content: String },
    Edit { path: &'a str, quoted: String, with: Option<String> },
}

impl Marks {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            file: format!("<<<FILE {boundary} "),
            edit: format!("<<<EDIT {boundary} "),
            delete: format!("<<<DELETE {boundary} "),
            derive: format!("<<<DERIVE {boundary} "),
            with: format!("<<<WITH {boundary}"),
            end_of_file: format!("FILE>>> {boundary}"),
            end_of_edit: format!("EDIT>>> {boundary}"),
        }
    }

    pub(super) fn read<'a>(&self, line: &'a str) -> Option<Mark<'a>> {
        let line = line.trim_end();
        match line {
            _ if line == self.with => Some(Mark::With),
            _ if line == self.end_of_file => Some(Mark::EndOfFile),
            _ if line == self.end_of_edit => Some(Mark::EndOfEdit),
            _ => {
                let rest = |start: &str| line.strip_prefix(start).map(str::trim);
                rest(&self.file)
                    .map(Mark::File)
                    .or_else(|| rest(&self.edit).map(Mark::Edit))
                    .or_else(|| rest(&self.delete).map(Mark::Delete))
                    .or_else(|| rest(&self.derive).map(Mark::Derive))
            }
        }
    }
}

/// The blocks of `text`.
///
/// # Errors
/// More than 400 of them.
pub(crate) fn parse(text: &str, boundary: &str) -> Result<Parsed, TooMany> {
    let marks = Marks::new(boundary);
    let mut answer = Answer::default();
    let mut open: Option<Open<'_>> = None;
    for line in text.split_inclusive('\n') {
        let mark = marks.read(line);
        match (mark, &mut open) {
            (None, None) => {}
            (None, Some(block)) => block.push(line),
            (Some(Mark::With), Some(Open::Edit { with: with @ None, .. })) => *with = Some(String::new()),
            (Some(Mark::EndOfFile), Some(Open::File { .. })) | (Some(Mark::EndOfEdit), Some(Open::Edit { .. })) => {
                answer.close(open.take());
            }
            (Some(mark), _) => {
                answer.abandon(open.take(), &mark);
                open = answer.begin(mark);
            }
        }
        if answer.ops.len() + answer.faults.len() > MAX_BLOCKS {
            return Err(TooMany);
        }
    }
    Ok(Parsed { answer, open: open.is_some() })
}

impl Open<'_> {
    fn push(&mut self, line: &str) {
        match self {
            Open::File { content, .. } => content.push_str(line),
            Open::Edit { quoted, with, .. } => with.as_mut().unwrap_or(quoted).push_str(line),
        }
    }
}

impl Answer {
    /// A block that is a line is carried out at once; the others begin.
    fn begin<'a>(&mut self, mark: Mark<'a>) -> Option<Open<'a>> {
        match mark {
            Mark::File(path) => return Some(Open::File { path, content: String::new() }),
            Mark::Edit(path) => return Some(Open::Edit { path, quoted: String::new(), with: None }),
            Mark::Delete(path) => self.push("DELETE", path, Op::Delete),
            Mark::Derive(text) => match text.parse::<Derivation>() {
                Ok(derivation) => self.ops.push(Op::Derive(derivation)),
                Err(problem) => self.faults.push(Fault::new(None, format!("DERIVE {}", shown(text)), problem)),
            },
            // An end without a beginning, such as a second end mark, holds nothing.
            Mark::With | Mark::EndOfFile | Mark::EndOfEdit => {}
        }
        None
    }

    fn close(&mut self, block: Option<Open<'_>>) {
        match block {
            Some(Open::File { path, content }) => {
                self.push("FILE", path, |path| Op::Write(path, Bytes::from(content)));
            }
            Some(Open::Edit { path, quoted, with: Some(with) }) => {
                self.push("EDIT", path, |path| Op::Edit(Edit { path, quoted, with }));
            }
            Some(Open::Edit { path, with: None, .. }) => {
                self.faults.push(Fault::new(path.parse().ok().as_ref(), format!("EDIT {}", shown(path)), NO_WITH));
            }
            None => {}
        }
    }

    /// A block that ends where another mark stands was never finished. When the same file begins
    /// anew, the new block is what counts.
    fn abandon(&mut self, block: Option<Open<'_>>, by: &Mark<'_>) {
        let (kind, path) = match block {
            Some(Open::File { path, .. }) if *by == Mark::File(path) => return,
            Some(Open::File { path, .. }) => ("FILE", path),
            Some(Open::Edit { path, .. }) => ("EDIT", path),
            None => return,
        };
        self.faults.push(Fault::new(path.parse().ok().as_ref(), format!("{kind} {}", shown(path)), "it does not end"));
    }

    fn push(&mut self, kind: &str, path: &str, op: impl FnOnce(SitePath) -> Op) {
        match path.parse() {
            Ok(path) => self.ops.push(op(path)),
            Err(_) => {
                let shown = shown(path);
                let problem = format!("{shown:?} is no path inside the site");
                self.faults.push(Fault::new(None, format!("{kind} {shown}"), problem));
            }
        }
    }
}

const NO_WITH: &str = "it has no WITH mark between the lines of the file and those that replace them";

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_PATH).collect()
}
