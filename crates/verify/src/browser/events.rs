//! The page's events that a run listens to, in one stream.

use std::sync::Arc;

use chromiumoxide::Page;
use chromiumoxide::cdp::IntoEventKind;
use chromiumoxide::cdp::browser_protocol::fetch::EventRequestPaused;
use chromiumoxide::cdp::browser_protocol::inspector::EventTargetCrashed;
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::{
    EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived,
};
use chromiumoxide::cdp::browser_protocol::page::{EventJavascriptDialogOpening, EventLoadEventFired};
use chromiumoxide::cdp::browser_protocol::target::EventAttachedToTarget;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{Stream, StreamExt};

use super::process::bounded;
use crate::Error;

/// One event. Events of different kinds may arrive out of order.
#[derive(Debug, Clone)]
pub(super) enum PageEvent {
    Started(Arc<EventRequestWillBeSent>),
    Responded(Arc<EventResponseReceived>),
    Finished(Arc<EventLoadingFinished>),
    Failed(Arc<EventLoadingFailed>),
    Paused(Arc<EventRequestPaused>),
    /// A worker or a frame with a process of its own began.
    Attached(Arc<EventAttachedToTarget>),
    Console(Arc<EventConsoleApiCalled>),
    Thrown(Arc<EventExceptionThrown>),
    Logged(Arc<EventEntryAdded>),
    Dialog(Arc<EventJavascriptDialogOpening>),
    Loaded,
    Crashed,
}

/// All of them, from now on.
pub(super) async fn listen(page: &Page) -> Result<SelectAll<BoxStream<'static, PageEvent>>, Error> {
    Ok(select_all([
        kind(page, PageEvent::Started).await?,
        kind(page, PageEvent::Responded).await?,
        kind(page, PageEvent::Finished).await?,
        kind(page, PageEvent::Failed).await?,
        kind(page, PageEvent::Paused).await?,
        kind(page, PageEvent::Attached).await?,
        kind(page, PageEvent::Console).await?,
        kind(page, PageEvent::Thrown).await?,
        kind(page, PageEvent::Logged).await?,
        kind(page, PageEvent::Dialog).await?,
        kind(page, |_: Arc<EventLoadEventFired>| PageEvent::Loaded).await?,
        kind(page, |_: Arc<EventTargetCrashed>| PageEvent::Crashed).await?,
    ]))
}

async fn kind<T: IntoEventKind + Unpin + Send + Sync + 'static>(
    page: &Page,
    wrap: impl Fn(Arc<T>) -> PageEvent + Send + 'static,
) -> Result<BoxStream<'static, PageEvent>, Error> {
    let events: std::pin::Pin<Box<dyn Stream<Item = Arc<T>> + Send>> =
        Box::pin(bounded("listen", page.event_listener::<T>()).await?);
    Ok(events.map(wrap).boxed())
}
