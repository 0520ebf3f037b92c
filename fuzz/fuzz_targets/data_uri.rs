//! A text as the URL of two attachments: both are what the Fetch standard's algorithm makes of it,
//! or it is refused for a reason that holds.

#![no_main]

use core_flows::intake::Limits;
use data_url::DataUrl;
use libfuzzer_sys::fuzz_target;
use ports::{Refusal, Route};
use serde_json::json;
use shared_types::Digest;
use sitewright_fuzz::{House, SECRET};

const EACH: usize = 100;
const ALL: usize = 150;

fuzz_target!(|bytes: &[u8]| {
    let Ok(url) = std::str::from_utf8(bytes) else { return };
    let body = json!({
        "email": "student@example.com", "secret": SECRET, "task": "t", "round": 1, "nonce": "n", "brief": "b",
        "checks": ["c"], "evaluation_url": "https://example.com/",
        "attachments": [{ "name": "a", "url": url }, { "name": "b", "url": url }],
    });
    let house = House::new(Limits { attachment_bytes: EACH, attachments_bytes: ALL, ..Limits::default() });
    let header = url.bytes().position(|byte| matches!(byte, b',' | b'#')).unwrap_or(url.len());
    let expected = DataUrl::process(url).ok().filter(|_| header <= 512).and_then(|uri| uri.decode_to_vec().ok());
    match (house.post(Route::Build, body), expected) {
        (Ok(receipt), Some((content, _fragment))) => {
            assert!(content.len() <= EACH && 2 * content.len() <= ALL);
            for file in house.stored(&receipt).attachments {
                assert_eq!((file.size, file.sha256), (content.len() as u64, Digest::of(&content)));
            }
        }
        (Err(Refusal::TooLarge(errors)), Some((content, _fragment))) => {
            let beyond = if content.len() > EACH { "/attachments/0/url" } else { "/attachments" };
            assert!(content.len() > EACH || 2 * content.len() > ALL);
            assert_eq!(errors[0].pointer, beyond);
        }
        // Content beyond a limit may also be broken further on: nobody reads that far.
        (Err(Refusal::TooLarge(_)), None) => assert!(url.len() > EACH.min(ALL / 2)),
        (Err(Refusal::Invalid(errors)), None) => assert_eq!(errors[0].pointer, "/attachments/0/url"),
        (answer, expected) => panic!("{answer:?}, {expected:?}", expected = expected.map(|(content, _)| content)),
    }
});
