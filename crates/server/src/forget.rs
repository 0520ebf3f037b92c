//! `sitewright forget`: removes what is known of a person, by the service that works in the data folder or without one.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use ports::{ErrorChain, Operator as _, Repositories};
use secrecy::SecretString;
use shared_types::Email;
use shared_types::http::{ForgetRequest, Forgotten};

use crate::console_out;
use crate::settings::Nats;
use crate::task::{Error, Place, runtime};

/// Whom to forget.
#[derive(Debug, Args)]
pub struct Options {
    /// The person's e-mail address; capitals make no other person.
    #[arg(value_name = "EMAIL", value_parser = |text: &str| text.parse::<Email>())]
    email: Email,
    /// Delete the repositories that were made for this person as well, with their pages. For good, and only those that
    /// carry our marker. Needs a running service.
    #[arg(long)]
    repos: bool,
}

impl Options {
    /// Does it in `data_dir`; gives the process's exit code. `token` opens a running service that wants one; without a
    /// service, copies at `nats` go as well.
    #[must_use]
    pub fn run(&self, data_dir: &Path, token: Option<SecretString>, nats: Option<Nats>) -> ExitCode {
        let place = Place { data_dir, token, nats };
        let done = runtime().and_then(|runtime| runtime.block_on(self.text(&place)));
        match done {
            Ok(text) => console_out(&text),
            Err(error) => {
                eprintln!("sitewright forget: {}", ErrorChain(&error));
                ExitCode::FAILURE
            }
        }
    }

    async fn text(&self, place: &Place<'_>) -> Result<String, Error> {
        let receipt: Forgotten = match place.service()? {
            Some(service) => {
                let body = serde_json::to_string(&ForgetRequest { email: self.email.clone(), repos: self.repos })?;
                service.post("/v1/forget", &body)?
            }
            None => {
                let repositories = if self.repos { Repositories::Delete } else { Repositories::Keep };
                place.directly(async |operator| operator.forget(&self.email, repositories).await).await?
            }
        };
        Ok(serde_json::to_string_pretty(&receipt)? + "\n")
    }
}
