//! Bodies of HTTP requests and answers, as `openapi/sitewright.v1.json` publishes them.

mod forget;
mod health;
mod model_run;
mod problem;
mod request;
mod task;

pub use forget::{ForgetRequest, Forgotten, Undeleted};
pub use health::{Health, Healthz, Part, PartState};
pub use model_run::{ModelRun, ModelRunList, ModelRunTotals, RunStatus, RunUnit};
pub use problem::{FieldError, Problem};
pub use request::{AttachmentBody, CheckBody, Notification, Receipt, TaskRequest};
pub use task::{
    AttachmentView, NotificationAttempt, Outcome, StepState, StepView, TaskList, TaskState, TaskSummary, TaskView,
};
