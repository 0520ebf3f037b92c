//! Holds a site against the real verifier and the real search for secrets.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use http_notify::proxy;
use ports::{Draft, Fix, Gatekeeper as _, HealthPart as _, Inspection, Site, Target, Verifier as _};
use secrets::{Keeper, Students};
use shared_types::http::PartState;
use shared_types::{Check, CheckReport, Phase, Round};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use verify::{Options, Program, SiteVerifier};

use super::Specimen;

/// Where every site would be published.
const PAGES_URL: &str = "https://student.example/sales-7f3a9/";

/// The parts that judge a site, as the server puts them together.
#[derive(Debug)]
pub struct Prover {
    verifier: SiteVerifier,
    keeper: Keeper,
    pages_url: Url,
    /// Ends the browser's way out.
    _proxy: DropGuard,
}

/// What was seen of a specimen.
#[derive(Debug)]
pub struct Proof {
    /// Of the site as it is.
    pub report: CheckReport,
    /// What rules would mend of it.
    pub fixes: Vec<Fix>,
    /// Of the mended site, where the defect is one that a rule mends.
    pub mended: Option<CheckReport>,
}

impl Prover {
    /// One that only reads files.
    ///
    /// # Errors
    /// Never with the rules as they are.
    pub fn by_files() -> Result<Self> {
        Self::new(Program::Off, None, CancellationToken::new())
    }

    /// One that also opens pages, which reach public addresses only; none without Chromium.
    ///
    /// # Errors
    /// No port is free.
    pub async fn with_browser() -> Result<Option<Self>> {
        let proxy = proxy::Service::bind(proxy::Options::default()).await.context("set up the browser's way out")?;
        let stop = CancellationToken::new();
        let prover = Self::new(Program::InPath, Some(proxy.local_addr()), stop.clone())?;
        tokio::spawn(proxy.run(stop));
        let state = prover.verifier.look().await.state;
        Ok((state == PartState::Up).then_some(prover))
    }

    fn new(program: Program, proxy: Option<SocketAddr>, stop: CancellationToken) -> Result<Self> {
        let verifier = SiteVerifier::new(Options { program, proxy, ..Options::default() });
        let students = Students::Shared(secrets::corpus::own_secret());
        let keeper = Keeper::new(secrets::Options { students, own: Vec::new() })?;
        Ok(Self { verifier, keeper, pages_url: Url::parse(PAGES_URL)?, _proxy: stop.drop_guard() })
    }

    /// Judges `specimen`, as it is and, where a rule is said to mend it, mended.
    ///
    /// # Errors
    /// The search for secrets broke off, or the verifier failed; a page that fails is a report.
    pub async fn prove(&self, specimen: &Specimen) -> Result<Proof> {
        let checks = self.checks(specimen);
        let text = |name: &str| specimen.site.text(name).unwrap_or_default().to_owned();
        let fixed = self.verifier.autofix(Draft {
            site: specimen.site.clone(),
            pages_url: self.pages_url.clone(),
            checks: checks.clone(),
            attached: specimen.attached.clone(),
            licence: text("LICENSE"),
            readme: text("README.md"),
        });
        let fixed = fixed.await?;
        let mends = specimen.sign.as_ref().is_some_and(|sign| sign.is_a_fix());
        let mended = if mends { Some(self.report(specimen, fixed.site, checks.clone()).await?) } else { None };
        Ok(Proof { report: self.report(specimen, specimen.site.clone(), checks).await?, fixes: fixed.fixes, mended })
    }

    /// The readings of its checks.
    pub(super) fn checks(&self, specimen: &Specimen) -> Vec<Check> {
        self.verifier.compile(Round::FIRST, &specimen.checks)
    }

    async fn report(&self, specimen: &Specimen, site: Site, checks: Vec<Check>) -> Result<CheckReport> {
        let leaks = self.keeper.scan(&site).await?;
        let inspection = Inspection {
            site,
            pages_url: self.pages_url.clone(),
            target: Target::Files,
            phase: Phase::Candidate,
            checks,
            attachments: specimen.attachments(),
            leaks,
        };
        Ok(self.verifier.verify(inspection).await?.report)
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.verifier.close().await;
    }
}
