//! Cutting and counting in texts that become evidence and findings.

/// `text` in one line, at most `limit` characters; `...` stands for what was cut.
pub(crate) fn brief(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    let mut cut: String = line.chars().take(limit.saturating_sub(3)).collect();
    cut.push_str("...");
    cut
}

/// The line of `offset` in `text`, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> u32 {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

/// The line on which `needle` first stands in `text`, from 1.
pub(crate) fn line_of(text: &str, needle: &str) -> Option<u32> {
    text.find(needle).map(|offset| line_at(text, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(brief(" a\n b ", 10), "a b");
        assert_eq!(brief("ünïcödë text", 8), "ünïcö...");
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_at("a\nb\nc", 0), line_at("a\nb\nc", 2), line_at("a", 99)), (1, 2, 1));
        assert_eq!((line_of("a\nb", "b"), line_of("a", "z")), (Some(2), None));
    }
}
