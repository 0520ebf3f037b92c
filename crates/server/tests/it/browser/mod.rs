//! The real browser behind the real proxy, wired as the service wires them: a page that tries
//! everything to reach this machine reaches nothing, and what pages need still works.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod canary;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use canary::Canary;
use http_notify::Lookup;
use http_notify::proxy::{Authority, Options, Service};
use ports::{Inspection, Site, Target, Verification, Verifier as _};
use shared_types::http::CheckBody;
use shared_types::{BrowserRun, Phase, Round, Verdict};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use verify::SiteVerifier;

/// Every name leads to this machine.
#[derive(Debug)]
struct AllHere;

#[async_trait]
impl Lookup for AllHere {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

/// A browser, behind a proxy or not.
struct World {
    verifier: SiteVerifier,
    stop: CancellationToken,
    proxy: Option<JoinHandle<()>>,
}

impl World {
    /// The proxy lets nothing private through but `allowed`.
    async fn guarded(allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|url| Authority::of(&url.parse().unwrap()).unwrap()).collect();
        let options = Options { allowed, lookup: Arc::new(AllHere), ..Options::default() };
        let (service, stop) = (Service::bind(options).await.unwrap(), CancellationToken::new());
        let verifier = verifier(verify::Options { proxy: Some(service.local_addr()), ..verify::Options::default() });
        Self { verifier, proxy: Some(tokio::spawn(service.run(stop.clone()))), stop }
    }

    /// As a browser is that nobody guards.
    fn open() -> Self {
        Self { verifier: verifier(verify::Options::default()), stop: CancellationToken::new(), proxy: None }
    }

    /// What the browser says of a page, and of each check.
    async fn look(&self, target: Target, url: &str, page: &str, checks: &[&str]) -> (Verification, Vec<String>) {
        let items: Vec<CheckBody> = checks.iter().map(|text| CheckBody::Text((*text).to_owned())).collect();
        let site: Site = [("index.html".parse().unwrap(), Bytes::from(page.to_owned()))].into_iter().collect();
        let inspection = Inspection {
            site,
            pages_url: url.parse().unwrap(),
            target,
            phase: Phase::Candidate,
            checks: self.verifier.compile(Round::FIRST, &items),
            attachments: Vec::new(),
            leaks: Vec::new(),
        };
        let seen = self.verifier.verify(inspection).await.unwrap();
        if let BrowserRun::NotRun { reason } = &seen.report.browser {
            panic!("these tests need Chromium (Debian: apt-get install chromium): {reason}");
        }
        let said = seen.report.checks.iter().map(|result| {
            let evidence = result.evidence.clone().unwrap_or_default();
            if result.verdict == Verdict::Passed { evidence } else { format!("failed: {evidence}") }
        });
        let said = said.collect();
        (seen, said)
    }

    async fn end(self) {
        self.verifier.close().await;
        self.stop.cancel();
        if let Some(proxy) = self.proxy {
            proxy.await.unwrap();
        }
    }
}

/// Some of the greedy page's requests stay open for ever, so it never comes to rest; that it has tried
/// everything it says itself, and a crowded machine may take its time until then.
fn verifier(options: verify::Options) -> SiteVerifier {
    SiteVerifier::new(verify::Options {
        page_timeout: Duration::from_secs(100),
        idle_timeout: Duration::from_secs(10),
        expression_timeout: Duration::from_secs(60),
        ..options
    })
}

/// Tries all ways of asking that a page has, at each address; `tried` settles when they have failed
/// or succeeded. A path says which way it was.
const GREEDY: &str = r#"<!DOCTYPE html><meta charset=utf-8><title>T</title><body><script>
const hosts = HOSTS, bases = BASES, redirector = REDIRECTOR;
const late = new Promise(done => setTimeout(done, 3000));
const element = (name, set) => new Promise(done => {
  const it = document.createElement(name);
  for (const event of ['load', 'error', 'abort', 'stalled']) it.addEventListener(event, done);
  set(it);
  document.body.append(it);
});
const ways = {
  fetch: url => fetch(url, {mode: 'no-cors'}),
  post: url => fetch(url, {mode: 'no-cors', method: 'POST', body: 'x', keepalive: true}),
  xhr: url => new Promise(done => { const x = new XMLHttpRequest(); x.onloadend = done; x.open('GET', url); x.send(); }),
  beacon: url => { navigator.sendBeacon(url, 'x'); },
  img: url => element('img', it => { it.src = url; }),
  script: url => element('script', it => { it.src = url; }),
  style: url => element('link', it => { it.rel = 'stylesheet'; it.href = url; }),
  prefetch: url => element('link', it => { it.rel = 'prefetch'; it.href = url; }),
  preconnect: url => { element('link', it => { it.rel = 'preconnect'; it.href = url; }); },
  module: url => import(url),
  font: url => new FontFace('f', `url(${url})`).load(),
  video: url => element('video', it => { it.src = url; }),
  object: url => element('object', it => { it.data = url; }),
  iframe: url => element('iframe', it => { it.src = url; }),
  script_in_frame: url => element('iframe', it => { it.srcdoc = `<script src="${url}"></` + 'script>'; }),
  refresh: url => element('iframe', it => { it.srcdoc = `<meta http-equiv=refresh content="0; url=${url}">`; }),
  location: url => element('iframe', it => { it.srcdoc = `<script>location = "${url}"</` + 'script>'; }),
  form: url => { const frame = 'f' + Math.random(); const done = element('iframe', it => { it.name = frame; });
    const form = document.createElement('form'); form.method = 'POST'; form.action = url; form.target = frame;
    document.body.append(form); form.submit(); return done; },
  events: url => new Promise(done => { const it = new EventSource(url); it.onerror = it.onopen = () => { it.close(); done(); }; }),
  worker: url => new Promise(done => {
    const it = new Worker(URL.createObjectURL(new Blob([`fetch("${url}", {mode: 'no-cors'}).finally(() => postMessage(1))`])));
    it.onmessage = it.onerror = done; }),
  socket: url => new Promise(done => { const it = new WebSocket(url.replace(/^http/, 'ws')); it.onclose = it.onerror = done; }),
  transport: url => url.startsWith('https') && new WebTransport(url).ready,
};
const attempt = async (way, url) => { try { await Promise.race([ways[way](url), late]); } catch {} };
const all = [];
for (const base of bases) for (const way of Object.keys(ways)) all.push(attempt(way, `${base}/${way}`));
for (const way of ['fetch', 'img', 'iframe', 'script'])
  for (const base of bases)
    all.push(attempt(way, `${redirector}/to?${base}/redirected-${way}`));
const rtc = async host => {
  const urls = [`stun:${host}`, `turn:${host}?transport=udp`, `turn:${host}?transport=tcp`, `turns:${host}?transport=tcp`];
  const it = new RTCPeerConnection({iceServers: [{urls, username: 'u', credential: 'p'}]});
  it.createDataChannel('x');
  const gathered = new Promise(done => { it.onicegatheringstatechange = () => it.iceGatheringState === 'complete' && done(); });
  await it.setLocalDescription(await it.createOffer());
  await Promise.race([gathered, late]);
};
for (const host of hosts) all.push(rtc(host).catch(() => {}));
const open_all = () => bases.filter(base => window.open(`${base}/open`)).length;
window.tried = Promise.all(all).then(list => list.length);
</script>"#;

/// The page for one canary. `inside.example` is a name that leads here.
fn greedy(canary: &Canary) -> String {
    let port = canary.port();
    let all = |hosts: &[&str]| hosts.iter().map(|host| format!("{host}:{port}")).collect::<Vec<_>>();
    let hosts = all(&["127.0.0.1", "[::1]", "localhost", "inside.example", "0.0.0.0"]);
    let http = hosts.iter().map(|host| format!("http://{host}"));
    let bases: Vec<String> = http.chain(hosts[..3].iter().map(|host| format!("https://{host}"))).collect();
    GREEDY
        .replace("HOSTS", &serde_json::to_string(&hosts).unwrap())
        .replace("BASES", &serde_json::to_string(&bases).unwrap())
        .replace("REDIRECTOR", &format!("\"{}\"", canary.redirector()))
}

/// Windows open for a user only, and checks are evaluated as if by one.
const CHECKS: [&str; 2] = ["js: open_all() > 0", "js: window.tried.then(count => count >= 200)"];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_reaches_this_machine() {
    let canary = Canary::start().await;
    // The redirector may be reached, and says "go to the canary" to whoever does.
    let world = World::guarded(&[canary.redirector()]).await;
    // A page over http may ask for http, one over https has the powers of a secure context.
    for url in ["http://student.example/x/", "https://student.example/x/"] {
        let (seen, said) = world.look(Target::Files, url, &greedy(&canary), &CHECKS).await;
        assert_eq!(said, ["true", "true"], "{:?}", seen.report.console_errors);
        assert_eq!(canary.seen().await, Vec::<String>::new(), "from {url}");
    }
    assert!(canary.redirects() >= 4, "the redirector was not asked");
    world.end().await;
}

/// The control: the same page reaches the canary when nothing guards.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_page_without_the_proxy_does() {
    let canary = Canary::start().await;
    let world = World::open();
    world.look(Target::Files, "http://student.example/x/", &greedy(&canary), &CHECKS).await;
    let seen = canary.seen().await;
    // Newer browsers ask for a permission before such a request is sent; by then they have connected.
    assert!(seen.len() >= 10, "{seen:?}");
    assert!(seen.iter().any(|path| path == "udp"), "{seen:?}");
    world.end().await;
}

/// The other control: with the proxy, but allowed to.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_reached_through_the_proxy() {
    let canary = Canary::start().await;
    let allowed = ["127.0.0.1", "localhost", "inside.example"].map(|host| format!("http://{host}:{}/", canary.port()));
    let world = World::guarded(&[&allowed[..], &[canary.redirector()]].concat()).await;
    world.look(Target::Files, "http://student.example/x/", &greedy(&canary), &CHECKS).await;
    let seen = canary.seen().await;
    for way in ["fetch", "img", "script", "iframe", "socket", "form", "open", "worker", "redirected-fetch"] {
        assert!(seen.iter().any(|path| path == way), "{way} is not among {seen:?}");
    }
    assert!(!seen.iter().any(|path| path == "udp"), "no datagram passes: {seen:?}");
    world.end().await;
}

/// A candidate may load a library from a public host, and live pages of a dry run are seen.
#[tokio::test(flavor = "multi_thread")]
async fn libraries_and_local_pages_still_load() {
    let canary = Canary::start().await;
    let library = format!("http://library.example:{}/library.js", canary.port());
    let pages = format!("http://127.0.0.1:{}/pages/", canary.port());
    let world = World::guarded(&[library.clone(), pages.clone()]).await;
    let page = format!("<!DOCTYPE html><title>T</title><script src='{library}'></script>");
    let checks = ["js: window.library", "js: document.title"];
    let (_, said) = world.look(Target::Files, "http://student.example/x/", &page, &checks).await;
    assert_eq!(said, ["\"loaded\"", "\"T\""]);
    let (_, said) = world.look(Target::Network, &pages, "", &["js: document.title"]).await;
    assert_eq!(said, ["\"pages\""]);
    // One that is not there is a failed request of the report, as before.
    let page = "<!DOCTYPE html><script src='http://elsewhere.example:8443/x.js'></script>";
    let (seen, _) = world.look(Target::Files, "http://student.example/x/", page, &["js: true"]).await;
    let failed: Vec<&str> = seen.report.failed_requests.iter().map(|request| request.reason.as_str()).collect();
    assert_eq!(failed, ["net::ERR_SOCKS_CONNECTION_FAILED"]);
    world.end().await;
}
