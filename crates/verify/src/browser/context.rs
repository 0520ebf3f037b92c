//! A browser context: its own cookies, storage and cache; pages and pop-ups end with it.

use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::browser::{
    BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use chromiumoxide::cdp::browser_protocol::inspector::EnableParams as EnableInspector;
use chromiumoxide::cdp::browser_protocol::target::{
    CreateBrowserContextParams, CreateTargetParams, DisposeBrowserContextParams,
};
use tokio::time::timeout;

use super::process::{Running, bounded};
use crate::Error;

/// What ending a context may take; a browser that takes longer is ended itself.
const DISPOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A context that is to be disposed of. One that is dropped instead ends with its browser, which its
/// run drops with it.
#[derive(Debug)]
pub(super) struct Context<'a> {
    running: &'a Running,
    id: BrowserContextId,
}

impl<'a> Context<'a> {
    pub(super) async fn open(running: &'a Running) -> Result<Self, Error> {
        let browser = running.browser();
        let params = CreateBrowserContextParams::builder().dispose_on_detach(true).build();
        let id = bounded("Target.createBrowserContext", browser.create_browser_context(params)).await?;
        let mut downloads = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny);
        downloads.browser_context_id = Some(id.clone());
        bounded("Browser.setDownloadBehavior", browser.execute(downloads)).await?;
        Ok(Self { running, id })
    }

    /// An empty page that tells when its process ends.
    pub(super) async fn page(&self) -> Result<Page, Error> {
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(self.id.clone());
        let page = bounded("Target.createTarget", self.running.browser().new_page(target)).await?;
        bounded("Inspector.enable", page.execute(EnableInspector::default())).await?;
        Ok(page)
    }

    /// Whether the browser did as it was told.
    pub(super) async fn dispose(self) -> bool {
        let command = self.running.browser().execute(DisposeBrowserContextParams::new(self.id));
        matches!(timeout(DISPOSE_TIMEOUT, command).await, Ok(Ok(_)))
    }
}
