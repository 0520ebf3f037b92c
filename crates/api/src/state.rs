//! What all handlers share.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa_swagger_ui::Config;

use crate::body::BodyBudget;
use crate::{Error, Options, Ports, openapi};

/// Live streams at once. Each one looks at the ledger once a second, so this also bounds that load.
const MAX_STREAMS: usize = 256;

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) ports: Ports,
    /// The OpenAPI document as served at `/openapi.json`.
    pub(crate) openapi: Bytes,
    /// What Swagger UI is told: where the document is.
    pub(crate) swagger: Arc<Config<'static>>,
    pub(crate) bodies: BodyBudget,
    pub(crate) streams: Arc<Semaphore>,
    /// Submissions that are being judged and stored.
    pub(crate) in_flight: Semaphore,
    /// Live streams end when this is cancelled: they would hold a shutdown up.
    pub(crate) ending: CancellationToken,
    /// What each part of `ports.parts` said of itself when it last answered: its name, and whether it is needed.
    pub(crate) part_names: Vec<OnceLock<(String, bool)>>,
}

impl State {
    pub(crate) fn new(options: Options, ports: Ports) -> Result<Self, Error> {
        let openapi = serde_json::to_vec(&openapi()).map_err(Error::OpenApi)?;
        Ok(Self {
            bodies: BodyBudget::for_bodies_of(options.max_body_bytes),
            part_names: ports.parts.iter().map(|_| OnceLock::new()).collect(),
            openapi: openapi.into(),
            swagger: Arc::new(Config::from("/openapi.json")),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            in_flight: Semaphore::new(options.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            ending: CancellationToken::new(),
            options,
            ports,
        })
    }
}
