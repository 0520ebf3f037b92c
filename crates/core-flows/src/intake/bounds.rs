//! How large a request may be.

/// Bounds of a request. Beyond them the answer is 413 (sizes) or 400 (counts).
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the brief.
    pub brief_bytes: usize,
    /// Items of `checks`.
    pub checks: usize,
    /// Bytes of one check.
    pub check_bytes: usize,
    /// Items of `attachments`.
    pub attachments: usize,
    /// Decoded bytes of one attachment.
    pub attachment_bytes: usize,
    /// Decoded bytes of all attachments.
    pub attachments_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            brief_bytes: 100 * 1024,
            checks: 100,
            check_bytes: 10 * 1024,
            attachments: 50,
            attachment_bytes: 10 * 1024 * 1024,
            attachments_bytes: 20 * 1024 * 1024,
        }
    }
}
