//! How large a request may be: numbers that must fit each other.

use std::ops::RangeInclusive;

use core_flows::intake;
use serde::Deserialize;

use super::Fault;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Bounds of a request.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `MAX_BODY_BYTES`: one body as it came. Default 32 MiB.
    pub body_bytes: usize,
    /// What a body may hold:
    /// - `MAX_ATTACHMENT_BYTES`, decoded: default 10 MiB, or all that attachments may have;
    /// - `MAX_ATTACHMENTS_BYTES`, all of them decoded: default 20 MiB, or what fits into a body;
    /// - `MAX_ATTACHMENTS`: default 50;
    /// - `MAX_BRIEF_BYTES`: default 100 KiB;
    /// - `MAX_CHECKS`: default 100;
    /// - `MAX_CHECK_BYTES`: default 10 KiB.
    pub request: intake::Limits,
}

/// The texts as they were found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    max_body_bytes: Option<String>,
    max_attachment_bytes: Option<String>,
    max_attachments_bytes: Option<String>,
    max_attachments: Option<String>,
    max_brief_bytes: Option<String>,
    max_checks: Option<String>,
    max_check_bytes: Option<String>,
}

/// Number of bytes that base64 makes of three quarters as many.
const fn in_base64(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

/// The limits that `raw` speaks of. A default gives way to what is said; two things said that do not
/// fit each other are a fault.
pub(super) fn read(raw: &Raw, faults: &mut Vec<Fault>) -> Limits {
    let body = number("MAX_BODY_BYTES", raw.max_body_bytes.as_deref(), 256 * KIB..=256 * MIB, faults);
    let one = number("MAX_ATTACHMENT_BYTES", raw.max_attachment_bytes.as_deref(), 1..=256 * MIB, faults);
    let all = number("MAX_ATTACHMENTS_BYTES", raw.max_attachments_bytes.as_deref(), 1..=256 * MIB, faults);
    let count = number("MAX_ATTACHMENTS", raw.max_attachments.as_deref(), 0..=1000, faults);
    let brief = number("MAX_BRIEF_BYTES", raw.max_brief_bytes.as_deref(), 1..=256 * MIB, faults);
    let checks = number("MAX_CHECKS", raw.max_checks.as_deref(), 1..=1000, faults);
    let check = number("MAX_CHECK_BYTES", raw.max_check_bytes.as_deref(), 1..=MIB, faults);

    let defaults = intake::Limits::default();
    let body_bytes = body.unwrap_or(32 * MIB);
    let fits = body_bytes / 4 * 3;
    let attachments_bytes = all.unwrap_or(defaults.attachments_bytes.min(fits).max(one.unwrap_or(0)));
    let attachment_bytes = one.unwrap_or(defaults.attachment_bytes.min(attachments_bytes));
    let brief_bytes = brief.unwrap_or(defaults.brief_bytes);
    let mut conflict = |name, detail: String| faults.push(Fault { name, detail: format!("wrong: expected {detail}") });
    if attachment_bytes > attachments_bytes {
        let limit = format!("at most MAX_ATTACHMENTS_BYTES ({attachments_bytes}), not {attachment_bytes}");
        conflict("MAX_ATTACHMENT_BYTES", limit);
    }
    if in_base64(attachments_bytes) > body_bytes {
        let name = if all.is_some() { "MAX_ATTACHMENTS_BYTES" } else { "MAX_ATTACHMENT_BYTES" };
        let limit =
            format!("at most {fits}, which is {body_bytes} (MAX_BODY_BYTES) in base64, not {attachments_bytes}");
        conflict(name, limit);
    }
    if brief_bytes > body_bytes {
        conflict("MAX_BRIEF_BYTES", format!("at most MAX_BODY_BYTES ({body_bytes}), not {brief_bytes}"));
    }
    let request = intake::Limits {
        brief_bytes,
        checks: checks.unwrap_or(defaults.checks),
        check_bytes: check.unwrap_or(defaults.check_bytes),
        attachments: count.unwrap_or(defaults.attachments),
        attachment_bytes,
        attachments_bytes,
    };
    Limits { body_bytes, request }
}

/// The number in `text`, when one was said.
fn number(
    name: &'static str,
    text: Option<&str>,
    range: RangeInclusive<usize>,
    faults: &mut Vec<Fault>,
) -> Option<usize> {
    let number = text?.trim().parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let detail = format!("wrong: expected a number from {} to {}", range.start(), range.end());
        faults.push(Fault { name, detail });
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts body, all attachments and one attachment, or what is wrong.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Raw), expected: &str) {
        let (mut raw, mut faults) = (Raw::default(), Vec::new());
        change(&mut raw);
        let Limits { body_bytes, request } = read(&raw, &mut faults);
        let said = match faults.as_slice() {
            [] => format!("{body_bytes} {} {}", request.attachments_bytes, request.attachment_bytes),
            faults => {
                faults.iter().map(|fault| format!("{} {}", fault.name, fault.detail)).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(said, expected);
    }

    fn said(number: usize) -> Option<String> {
        Some(number.to_string())
    }

    #[test]
    fn defaults_give_way_to_what_is_said() {
        check(|_| {}, "33554432 20971520 10485760");
        check(|raw| raw.max_body_bytes = said(MIB), "1048576 786432 786432");
        check(|raw| raw.max_attachments_bytes = said(MIB), "33554432 1048576 1048576");
        check(|raw| raw.max_attachment_bytes = said(24 * MIB), "33554432 25165824 25165824");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        check(|raw| raw.max_body_bytes = said(1), "MAX_BODY_BYTES wrong: expected a number from 262144 to 268435456");
        check(|raw| raw.max_checks = Some("many".to_owned()), "MAX_CHECKS wrong: expected a number from 1 to 1000");
        check(
            |raw| (raw.max_attachment_bytes, raw.max_attachments_bytes) = (said(2), said(1)),
            "MAX_ATTACHMENT_BYTES wrong: expected at most MAX_ATTACHMENTS_BYTES (1), not 2",
        );
        check(
            |raw| raw.max_attachments_bytes = said(24 * MIB + 1),
            "MAX_ATTACHMENTS_BYTES wrong: expected at most 25165824, which is 33554432 (MAX_BODY_BYTES) in base64, not \
             25165825",
        );
        check(
            |raw| raw.max_attachment_bytes = said(25 * MIB),
            "MAX_ATTACHMENT_BYTES wrong: expected at most 25165824, which is 33554432 (MAX_BODY_BYTES) in base64, not \
             26214400",
        );
        check(
            |raw| (raw.max_body_bytes, raw.max_brief_bytes) = (said(MIB), said(MIB + 1)),
            "MAX_BRIEF_BYTES wrong: expected at most MAX_BODY_BYTES (1048576), not 1048577",
        );
    }
}
