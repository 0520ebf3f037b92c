//! Bytes as the body of a request: a receipt for what is stored, or a refusal that names fields
//! which are there or missing, and never the secret it came with.

#![no_main]

use core_flows::intake::Limits;
use libfuzzer_sys::fuzz_target;
use ports::{Refusal, Route};
use sitewright_fuzz::{House, SECRET, leads_somewhere};

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    for route in [Route::Build, Route::Revise, Route::Tasks] {
        // Small, so that small inputs reach beyond them.
        let limits = Limits {
            brief_bytes: 200,
            checks: 5,
            check_bytes: 50,
            attachments: 3,
            attachment_bytes: 40,
            attachments_bytes: 60,
        };
        let house = House::new(limits);
        match house.post(route, body.clone()) {
            Ok(receipt) => {
                let task = house.stored(&receipt);
                assert_eq!((&task.task, task.round), (&receipt.task, receipt.round));
                assert!(task.attachments.iter().map(|file| file.size).sum::<u64>() <= 60);
                assert_eq!(house.post(route, body.clone()).ok(), Some(receipt), "a repeat gets the first receipt");
            }
            Err(Refusal::Invalid(errors) | Refusal::TooLarge(errors)) => {
                assert!(!errors.is_empty());
                for error in errors {
                    assert!(leads_somewhere(&body, &error.pointer), "{error:?}");
                    assert!(error.detail.len() < 1000, "{error:?}");
                    // Only the request's own: were ours looked for, a stranger could guess at it.
                    assert!(body["secret"] != SECRET || !error.detail.contains(SECRET), "{error:?}");
                }
            }
            Err(Refusal::Unauthorized) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
});
