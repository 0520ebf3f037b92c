//! What a store of blobs does.

use bytes::Bytes;
use futures::future::join_all;
use shared_types::Digest;

use super::run_cases;
use crate::{Blobs, Verdict};

/// Runs the cases of [`Blobs`].
pub async fn blobs<B: Blobs>(make: impl AsyncFn() -> B) {
    run_cases!(make:
        bytes_come_back_as_they_went_in,
        the_same_bytes_are_one_blob,
        a_missing_blob_is_final,
        what_is_held_is_there,
    );
}

async fn bytes_come_back_as_they_went_in<B: Blobs>(store: B) {
    for bytes in [Bytes::new(), Bytes::from_static(b"a\0\xff\r\n"), vec![7; 1 << 20].into()] {
        let digest = store.put(bytes.clone()).await.unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(store.get(&digest).await.unwrap(), bytes);
    }
}

async fn the_same_bytes_are_one_blob<B: Blobs>(store: B) {
    let bytes = Bytes::from_static(b"twice");
    let digests = join_all((0..20).map(|_| store.put(bytes.clone()))).await;
    assert!(digests.into_iter().all(|digest| digest.unwrap() == Digest::of(&bytes)));
    assert_eq!(store.get(&Digest::of(&bytes)).await.unwrap(), bytes);
}

async fn a_missing_blob_is_final<B: Blobs>(store: B) {
    store.put(Bytes::from_static(b"here")).await.unwrap();
    let error = store.get(&Digest::of(b"not here")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::GiveUp);
}

async fn what_is_held_is_there<B: Blobs>(store: B) {
    let digest = Digest::of(b"held");
    assert!(!store.holds(&digest));
    store.put(Bytes::from_static(b"held")).await.unwrap();
    // A store that cannot tell at once may say no.
    if store.holds(&digest) {
        assert_eq!(store.get(&digest).await.unwrap(), "held");
    }
}
