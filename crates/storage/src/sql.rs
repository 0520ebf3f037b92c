//! The statements, by what they speak of. Each function takes a connection that is inside a
//! transaction; none begins or ends one.

pub(crate) mod accept;
pub(crate) mod copies;
pub(crate) mod events;
pub(crate) mod flows;
pub(crate) mod levers;
pub(crate) mod model_runs;
pub(crate) mod oblivion;
#[cfg(test)]
mod plans;
pub(crate) mod rates;
pub(crate) mod row;
pub(crate) mod tasks;

use crate::Error;

/// Why statements did not do their work: SQLite failed, or what they found forbids it.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Refused(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
