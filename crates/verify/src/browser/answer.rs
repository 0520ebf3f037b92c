//! Requests of the page that are answered here: its own site's from the files, libraries of public
//! CDNs from the cache. Everything else goes to the network.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::fetch::{
    ContinueRequestParams, ContinueResponseParams, EnableParams, EventRequestPaused, FulfillRequestParams,
    GetResponseBodyParams, HeaderEntry, RequestPattern,
};
use ports::ErrorChain;
use tracing::warn;
use url::Url;

use super::page::Job;
use super::process::bounded;
use crate::Error;
use crate::cdn::{Cache, Host, Library, MAX_LIBRARY_BYTES};
use crate::serve::{Served, content_type, resolve};

/// Has requests for the site's files and for the CDNs pause; those are for [`answer`].
pub(super) async fn intercept(page: &Page, job: &Job, cdn: Option<&Arc<Cache>>) -> Result<(), Error> {
    let site = job.files.iter().map(|_| format!("{}*", literal(job.pages_url.as_str())));
    let hosts = cdn.iter().flat_map(|_| Host::ALL).map(|host| format!("http*://{}/*", host.name()));
    let patterns: Vec<RequestPattern> =
        site.chain(hosts).map(|pattern| RequestPattern::builder().url_pattern(pattern).build()).collect();
    if !patterns.is_empty() {
        let enable = EnableParams { patterns: Some(patterns), handle_auth_requests: None };
        bounded("Fetch.enable", page.execute(enable)).await?;
    }
    Ok(())
}

/// Answers one request. A failed answer is no matter: the page is gone, or its own time-out speaks.
pub(super) async fn answer(page: &Page, job: &Job, cdn: Option<&Arc<Cache>>, paused: Arc<EventRequestPaused>) {
    let id = paused.request_id.clone();
    let is_answer = paused.response_status_code.is_some() || paused.response_error_reason.is_some();
    let url = Url::parse(&paused.request.url).ok();
    let served = job.files.as_ref().zip(url.as_ref()).and_then(|(files, url)| resolve(files, &job.pages_url, url));
    let library = cdn.filter(|_| served.is_none() && paused.request.method == "GET").zip(url.as_ref());
    let _ = match (served, library) {
        (Some(served), _) => page.execute(reply(id.into(), job, &served)).await.map(drop),
        (None, Some((cdn, url))) if is_answer => {
            keep(page, cdn, url, &paused).await;
            page.execute(ContinueResponseParams::new(id)).await.map(drop)
        }
        (None, Some((cdn, url))) => match find(cdn, url).await {
            Some(library) => page.execute(give(id.into(), &library)).await.map(drop),
            None => {
                let mut go_on = ContinueRequestParams::new(id);
                go_on.intercept_response = Some(true);
                page.execute(go_on).await.map(drop)
            }
        },
        (None, None) => page.execute(ContinueRequestParams::new(id)).await.map(drop),
    };
}

fn reply(id: String, job: &Job, served: &Served<'_>) -> FulfillRequestParams {
    // Pages hosts allow any origin to read.
    let open = header("access-control-allow-origin", "*");
    match served {
        Served::File { path, bytes } => {
            fulfilled(id, 200, vec![header("content-type", &content_type(&path.extension())), open], bytes)
        }
        Served::Redirect(to) => fulfilled(id, 301, vec![header("location", to.as_str())], &[]),
        Served::Missing => {
            let page = job.files.as_ref().and_then(|files| files.get("404.html"));
            let headers = vec![header("content-type", "text/html; charset=utf-8")];
            fulfilled(id, 404, headers, page.map_or(b"404", |page| page))
        }
    }
}

/// As the CDNs answer: any origin may read it, so that integrity attributes can be checked.
fn give(id: String, library: &Library) -> FulfillRequestParams {
    let extension = library.name.rsplit_once('.').map_or("", |(_, extension)| extension).to_lowercase();
    let headers = vec![
        header("content-type", &content_type(&extension)),
        header("access-control-allow-origin", "*"),
        header("cross-origin-resource-policy", "cross-origin"),
        header("timing-allow-origin", "*"),
    ];
    fulfilled(id, 200, headers, &library.bytes)
}

async fn find(cdn: &Arc<Cache>, url: &Url) -> Option<Library> {
    let (cdn, url) = (Arc::clone(cdn), url.clone());
    tokio::task::spawn_blocking(move || cdn.find(&url)).await.ok().flatten()
}

/// Keeps what a CDN answered, so that the next page need not ask.
async fn keep(page: &Page, cdn: &Arc<Cache>, url: &Url, paused: &EventRequestPaused) {
    let said = |name: &str| {
        let mut headers = paused.response_headers.iter().flatten();
        headers.find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.clone())
    };
    let too_large = said("content-length").and_then(|text| text.parse().ok()) > Some(MAX_LIBRARY_BYTES);
    if paused.response_status_code != Some(200) || too_large {
        return;
    }
    let Ok(answer) = page.execute(GetResponseBodyParams::new(paused.request_id.clone())).await else { return };
    let body = answer.result.body.as_str();
    let Ok(bytes) = (if answer.result.base64_encoded { BASE64.decode(body) } else { Ok(body.into()) }) else { return };
    // What a range of versions came to, as jsdelivr tells it.
    let version = said("x-jsd-version");
    let (cdn, url) = (Arc::clone(cdn), url.clone());
    let kept = tokio::task::spawn_blocking(move || cdn.keep(&url, version.as_deref(), &bytes)).await;
    if let Ok(Err(error)) = kept {
        let error = ErrorChain(&error);
        warn!(event = "cdn.keep_failed", %error, "a library was fetched and could not be kept for the next page");
    }
}

fn header(name: &str, value: &str) -> HeaderEntry {
    HeaderEntry { name: name.to_owned(), value: value.to_owned() }
}

fn fulfilled(id: String, status: i64, headers: Vec<HeaderEntry>, body: &[u8]) -> FulfillRequestParams {
    let mut reply = FulfillRequestParams::new(id, status);
    reply.response_headers = Some(headers);
    reply.body = Some(BASE64.encode(body).into());
    reply
}

/// `text` with the pattern language's signs escaped.
fn literal(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c])).collect()
}
