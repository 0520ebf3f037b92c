//! E-mail addresses stay here: a model is shown stand-ins, and in its answer they become the addresses again, so that
//! a page may still name them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What looks like an address. Letters of any script, since names and domains have them.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}").ok());

/// A stand-in; `.invalid` can never be somebody's domain (RFC 2606).
static STAND_IN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"person-([0-9]{1,6})@redacted\.invalid").ok());

/// The addresses of one prompt.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Vec<String>);

impl Addresses {
    /// `text` with a stand-in for each address; the same one for the same address.
    pub(crate) fn hide(&mut self, text: &str) -> String {
        let Some(address) = ADDRESS.as_ref() else { return text.to_owned() };
        let hidden = address.replace_all(text, |found: &Captures<'_>| {
            let address = &found[0];
            let before = found.get(0).and_then(|whole| text[..whole.start()].chars().next_back());
            // A package of a CDN (/npm/marked@12.0.0-rc.min) or the user of a URL is no address.
            if before == Some('/') { address.to_owned() } else { self.stand_in(address) }
        });
        hidden.into_owned()
    }

    /// `text` with the addresses in place of their stand-ins.
    pub(crate) fn restore(&self, text: String) -> String {
        let Some(stand_in) = STAND_IN.as_ref().filter(|_| !self.0.is_empty()) else { return text };
        let restored = stand_in.replace_all(&text, |found: &Captures<'_>| {
            let number: Option<usize> = found[1].parse().ok();
            let address = number.and_then(|number| self.0.get(number.checked_sub(1)?));
            address.cloned().unwrap_or_else(|| found[0].to_owned())
        });
        restored.into_owned()
    }

    fn stand_in(&mut self, address: &str) -> String {
        let known = self.0.iter().position(|known| known == address);
        let place = known.unwrap_or_else(|| {
            self.0.push(address.to_owned());
            self.0.len() - 1
        });
        format!("person-{}@redacted.invalid", place + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_stand_ins_and_come_back() {
        for (text, expected) in [
            (
                "Write to ann@example.com or ben@example.org.",
                "Write to person-1@redacted.invalid or person-2@redacted.invalid.",
            ),
            (
                "mailto:ann@example.com?subject=ann@example.com",
                "mailto:person-1@redacted.invalid?subject=person-1@redacted.invalid",
            ),
            ("<jörg.müller+x@käse-läden.example>", "<person-1@redacted.invalid>"),
            ("a@b.co, person-7@redacted.invalid", "person-1@redacted.invalid, person-2@redacted.invalid"),
        ] {
            let mut addresses = Addresses::default();
            let hidden = addresses.hide(text);
            assert_eq!(hidden, expected);
            assert_eq!(addresses.restore(hidden), text);
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "https://cdn.jsdelivr.net/npm/bootstrap@5.3.2/dist/css/bootstrap.min.css",
            "https://cdn.jsdelivr.net/npm/marked@12.0.0-rc.min/marked.js",
            "https://user@host.example/",
            "@media (max-width: 600px)",
            "/^[^@]+@[^@]+$/",
            "a@b",
        ] {
            assert_eq!(Addresses::default().hide(text), text);
        }
        let unknown = "person-9@redacted.invalid".to_owned();
        assert_eq!(Addresses(vec!["a@b.co".to_owned()]).restore(unknown.clone()), unknown);
    }
}
