//! Keeps the secret with which a request came out of everything that is stored of that request.
//!
//! Issuers do paste it where it does not belong. Texts that are only read are redacted; what must
//! be used as it is (a name, an address, a file) is refused, so that the issuer hears of it at once.
//! Only the secret that was sent is looked for: that may happen before it is proven, since nobody
//! can guess at another one through it. An e-mail is left alone, since it is published nowhere and
//! some people's secret is their e-mail.

use ports::{Refusal, SecretSearch};
use shared_types::http::CheckBody;

use super::failures::{Failures, Pointer};
use super::validate::Valid;

/// Redacts brief and checks; refuses the secret elsewhere.
pub(super) fn own_secret(
    mut valid: Valid,
    search: &dyn SecretSearch,
    mut failures: Failures<'_>,
) -> Result<Valid, Refusal> {
    let root = Pointer::root();
    let mut places = vec![
        (root.member("task"), valid.task.as_str().as_bytes()),
        (root.member("nonce"), valid.nonce.as_str().as_bytes()),
        (root.member("evaluation_url"), valid.evaluation_url.as_str().as_bytes()),
    ];
    for (index, file) in valid.attachments.iter().enumerate() {
        let at = root.member("attachments").item(index);
        places.push((at.member("name"), file.path.as_str().as_bytes()));
        places.push((at.member("url"), file.media_type.as_bytes()));
        places.push((at.member("url"), &file.bytes));
    }
    let found: Vec<_> = places.into_iter().filter(|(_, bytes)| search.is_in(bytes)).map(|(at, _)| at).collect();
    if !found.is_empty() {
        for at in found {
            failures.invalid(at, "expected a value without the secret of this request, got one that holds it");
        }
        return Err(failures.refusal());
    }
    valid.brief = search.redact(&valid.brief);
    for check in &mut valid.checks {
        let (CheckBody::Text(text) | CheckBody::JavaScript { js: text }) = check;
        *text = search.redact(text);
    }
    Ok(valid)
}
