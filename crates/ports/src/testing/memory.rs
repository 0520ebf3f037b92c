//! The ledger, the queue and the blobs in memory.
