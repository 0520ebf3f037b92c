//! An answer that was cut goes on where it was cut.
//!
//! What was written is kept up to its last whole line. The continuation says by a mark where it
//! begins, so that talk before it never gets into a file, and is joined behind that line unchanged.

use super::parse::{Mark, Marks};

/// `written` without a last line that was cut in the middle.
pub(crate) fn whole_lines(written: &str) -> &str {
    written.rfind('\n').map_or("", |end| &written[..=end])
}

/// Joins `continuation` to `written`, which is open or not. Says whether there was anything to join: a
/// continuation begins with the line `<<<RESUME <boundary>`, or with a new block.
pub(crate) fn join(written: &mut String, continuation: &str, boundary: &str) -> bool {
    let (resume, marks) = (format!("<<<RESUME {boundary}"), Marks::new(boundary));
    let mut at = 0;
    for line in continuation.split_inclusive('\n') {
        if line.trim_end() == resume {
            written.push_str(&continuation[at + line.len()..]);
            return true;
        }
        // A block that begins anew needs nothing of what was cut.
        if matches!(marks.read(line), Some(Mark::File(_) | Mark::Edit(_) | Mark::Delete(_) | Mark::Derive(_))) {
            written.push_str(&continuation[at..]);
            return true;
        }
        at += line.len();
    }
    false
}
