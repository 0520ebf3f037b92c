//! Bytes as an event: decoding never breaks, and what was decoded is encoded the same each time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use shared_types::Envelope;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = Envelope::decode(bytes) else { return };
    let encoded = event.encode_to_vec();
    assert_eq!(encoded.len(), event.encoded_len());
    // Bytes are compared, since a number that is none equals nothing.
    let again = Envelope::decode(encoded.as_slice()).map(|event| event.encode_to_vec());
    assert_eq!(again.ok(), Some(encoded));
    // What readers ask of an event from anywhere.
    let _ = (event.kind(), event.task_id());
    assert!(serde_json::to_vec(&event).is_ok());
});
