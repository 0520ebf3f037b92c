//! The in-process contracts of Sitewright: what core-flows asks of the world.
//!
//! A port is a trait whose arguments and results are shared-types or the plain data beside it;
//! adapters implement it, `server` wires it, and the feature `testing` has fakes and conformance
//! suites for it. Every method may fail with an [`Error`] that answers one question: again,
//! later, or stop.

mod archive;
mod blobs;
mod bus;
mod clock;
mod code_host;
mod error;
mod fleet;
mod flow_queue;
mod gatekeeper;
mod health;
mod intake;
mod last_known;
mod ledger;
mod model;
mod model_runs;
mod notifier;
mod operator;
mod rates;
mod site;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use archive::{
    Archive, Copying, Forgetful, Found, Known, Rebuilding, Removed, Restored, Salvage, TaskCopy, Traces,
};
pub use blobs::Blobs;
pub use bus::{Bus, Subscription};
pub use clock::{Clock, Ids};
pub use code_host::{
    Author, CodeHost, CommitDraft, Deletion, PagesBuild, PagesState, Publication, PullRequestText, Repo, RepoName,
    RepoQuery, RepoSpec, Snapshot, TenantKey,
};
pub use error::{Error, ErrorChain, Verdict};
pub use fleet::{DeadLetter, Did, Dossier, Fleet, Offer, Offered, Recall, Report};
pub use flow_queue::{Claim, Closing, FlowQueue, Lease, LeaseError, QueueDepth, StepRecord, TaskUpdate, WorkerId};
pub use gatekeeper::{Gatekeeper, Leak, Quotas, SecretSearch, Tenant, TextLeak};
pub use health::HealthPart;
pub use intake::{Intake, Refusal, Route, Submission};
pub use last_known::{KnownSite, LastKnown};
pub use ledger::{Acceptance, Attachment, Attempt, Ledger, NewTask, RepoChoice, Show, TaskPage, TaskRecord};
pub use model::{
    Completion, CompletionRequest, FinishReason, Model, Moderator, Objection, Progress, Unwatched, Usage, Watch,
};
pub use model_runs::{NewRun, OverCap, RunEnd, RunId, RunLedger, RunPage, RunReader, SpendCap, SpendCaps, day_of};
pub use notifier::{Answer, Delivery, Notifier};
pub use operator::{
    AnswerCache, Declined, Erased, Forgetting, Forgot, Levers, Moved, Oblivion, Operator, OwnTask, Reopening,
    Repositories, Standing, TaskReader,
};
pub use rates::{Bucket, Count, OverLimit, Policy, RateBuckets};
pub use site::Site;
pub use verifier::{Draft, Fix, Fixed, Inspection, Target, Verification, Verifier};
