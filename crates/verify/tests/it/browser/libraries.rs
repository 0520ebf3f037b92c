//! Libraries of public CDNs from the cache, and hosts that do not answer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ports::{Inspection, Verification, Verifier as _};
use sha2::{Digest as _, Sha384};
use shared_types::{FailureCause, Verdict};
use tempfile::TempDir;
use verify::{Cdn, Egress, Options, SiteVerifier};

use super::outside::Outside;
use crate::world::{inspection, options, page, ran, results};

/// A machine without network: nobody listens there.
fn nowhere() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn verifier(proxy: SocketAddr, folder: &Path, egress: Egress) -> SiteVerifier {
    let cdn = Some(Cdn { folder: folder.to_owned(), max_bytes: 1_000_000 });
    let idle_timeout = Duration::from_secs(4);
    SiteVerifier::new(Options { proxy: Some(proxy), cdn, egress, idle_timeout, ..options() })
}

/// Over plain http, since the network that a test plays has no certificates.
async fn look(verifier: &SiteVerifier, body: &str, checks: &[&str]) -> Verification {
    let pages_url = "http://student.example/x/".parse().unwrap();
    let asked = Inspection { pages_url, ..inspection(verifier, page(body), checks) };
    ran(verifier.verify(asked).await.unwrap())
}

fn put(folder: &TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_cached_library_needs_no_network_and_keeps_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let script = "window.tool = '1.2.3'; // \u{fc}\r\n";
    put(&folder, "npm/tool@1.2.3/dist/tool.min.js", script);
    put(&folder, "npm/tool@1.2.3/dist/tool.css", "p { color: rgb(1, 2, 3) }");
    put(&folder, "npm/tool@1.2.3/esm.mjs", "export const tool = 7;");
    let verifier = verifier(nowhere(), folder.path(), Egress::None);
    let right = BASE64.encode(Sha384::digest(script));
    let (jsdelivr, cdnjs) = ("https://cdn.jsdelivr.net/npm", "https://cdnjs.cloudflare.com/ajax/libs");
    for (address, integrity, loads) in [
        (format!("{jsdelivr}/tool@1.2.3/dist/tool.min.js"), right.as_str(), true),
        (format!("{jsdelivr}/tool/dist/tool.min.js"), &right, true),
        (format!("{cdnjs}/tool/1.2.3/tool.min.js"), &right, true),
        ("https://unpkg.com/tool@^1.0.0/dist/tool.min.js".to_owned(), &right, true),
        ("https://unpkg.com/tool@1/dist/tool.min.js".to_owned(), &BASE64.encode(Sha384::digest("other")), false),
    ] {
        let body = format!(
            "<script src='{address}' integrity='sha384-{integrity}' crossorigin=anonymous></script>\
             <link rel=stylesheet href='{jsdelivr}/tool@1/dist/tool.css'><p>x\
             <script type=module>import {{ tool }} from '{jsdelivr}/tool@1/esm.mjs'; window.seven = tool;</script>"
        );
        let look_at_color = "js: getComputedStyle(document.querySelector('p')).color === 'rgb(1, 2, 3)'";
        let seen = look(&verifier, &body, &["js: tool === '1.2.3'", look_at_color, "js: seven === 7"]).await;
        let expected = [if loads { Verdict::Passed } else { Verdict::Failed }, Verdict::Passed, Verdict::Passed];
        assert_eq!(verdicts(&seen), expected, "{address}: {:?}", seen.report);
    }
    verifier.close().await;
}

fn verdicts(seen: &Verification) -> Vec<Verdict> {
    results(seen).into_iter().map(|(verdict, _)| verdict).collect()
}

#[tokio::test]
async fn what_was_fetched_is_kept_for_the_next_page() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), Outside::start().await);
    let verifier = verifier(outside.address, folder.path(), Egress::Public);
    let check = ["js: library === 'fetched'"];
    for (address, kept) in [
        ("http://cdn.jsdelivr.net/npm/a@1.0.0/a.js", Some("cdn.jsdelivr.net/npm/a@1.0.0/a.js")),
        ("http://cdn.jsdelivr.net/npm/b@2", Some("cdn.jsdelivr.net/npm/b@2.3.4/_default.js")),
        ("http://cdn.jsdelivr.net/gh/o/c@main/c.js", None),
    ] {
        let body = format!("<script src='{address}'></script><p>x");
        let host = address.split('/').nth(2).unwrap();
        let mut asked = Vec::new();
        for _ in 0..2 {
            let seen = look(&verifier, &body, &check).await;
            assert_eq!(results(&seen), [(Verdict::Passed, "true")], "{address}: {:?}", seen.report.failed_requests);
            asked.push(outside.asked().iter().filter(|asked| *asked == host).count());
        }
        assert_eq!(asked, [1, usize::from(kept.is_none())], "{address}");
        assert!(kept.is_none_or(|path| folder.path().join(path).is_file()), "{address}");
    }
    verifier.close().await;
}

#[tokio::test]
async fn who_does_not_answer_is_told_apart() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), Outside::start().await);
    let (public, none) = (Egress::Public, Egress::None);
    let (not_run, failed) = (Verdict::NotRun, Verdict::Failed);
    let checks = ["js: window.library === 'fetched'", "js: document.title === 'T'", "LICENSE exists"];
    for (host, egress, verdict, words, cause) in [
        (
            "gone.example",
            public,
            not_run,
            "host gone.example did not answer; as the page",
            Some(FailureCause::NoAnswer),
        ),
        ("busy.example", public, not_run, "host busy.example answered 503; as the page", Some(FailureCause::Status)),
        ("silent.example", public, not_run, "host silent.example did not answer; as the page", None),
        ("empty.example", public, failed, "false", Some(FailureCause::Status)),
        ("10.0.0.1", public, failed, "false", Some(FailureCause::Blocked)),
        (
            "blocked.example",
            none,
            not_run,
            "host blocked.example was not asked (VERIFY_EGRESS)",
            Some(FailureCause::Blocked),
        ),
        // Its own site is nobody else's fault.
        ("student.example", public, failed, "false", Some(FailureCause::Status)),
    ] {
        let verifier = verifier(outside.address, folder.path(), egress);
        let path = if host == "student.example" { "x/none.js" } else { "lib.js" };
        let body = format!("<script async src='http://{host}/{path}'></script><p>x");
        let seen = look(&verifier, &body, &checks).await;
        let all = results(&seen);
        assert!(all[0].0 == verdict && all[0].1.contains(words), "{host}: {all:?}");
        assert_eq!([all[1].0, all[2].0], [Verdict::Passed, failed], "{host}");
        assert_eq!(seen.report.failed_requests.first().and_then(|request| request.cause), cause, "{host}");
        verifier.close().await;
    }
}

/// Packages as npm has them. Where npm or the registry is not at hand, and no earlier run left them,
/// the reason is given back.
fn npm(folder: &Path, packages: &[&str]) -> Result<(), String> {
    // Kept between runs, so that only the first one needs the registry.
    let tarballs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
    std::fs::create_dir_all(&tarballs).unwrap();
    for package in packages {
        let name = package.trim_start_matches('@').replace(['/', '@'], "-");
        let tarball = tarballs.join(format!("{name}.tgz"));
        if !tarball.exists() {
            let arguments = ["pack", package, "--silent", "--fetch-timeout=20000", "--fetch-retries=0"];
            let output = Command::new("npm").args(arguments).current_dir(&tarballs).output();
            let output = output.map_err(|error| format!("npm does not start: {error}"))?;
            if !output.status.success() || !tarball.exists() {
                return Err(format!("npm pack {package}: {}", String::from_utf8_lossy(&output.stderr)));
            }
        }
        let place = folder.join("npm").join(package);
        std::fs::create_dir_all(&place).unwrap();
        let status =
            Command::new("tar").arg("-xzf").arg(&tarball).args(["--strip-components=1", "-C"]).arg(&place).status();
        status.ok().filter(|status| status.success()).ok_or("tar does not unpack it")?;
    }
    Ok(())
}

#[tokio::test]
async fn npm_packages_serve_pages_without_network() {
    let folder = tempfile::tempdir().unwrap();
    let packages = ["bootstrap@5.3.3", "marked@15.0.8", "@highlightjs/cdn-assets@11.11.1"];
    if let Err(reason) = npm(folder.path(), &packages) {
        // Shown by nextest although the test passes: see .config/nextest.toml.
        println!("SKIPPED: pages with real libraries were not verified: {reason}");
        return;
    }
    let verifier = verifier(nowhere(), folder.path(), Egress::None);
    let (jsdelivr, cdnjs) = ("https://cdn.jsdelivr.net/npm", "https://cdnjs.cloudflare.com/ajax/libs");
    for (bootstrap, marked, highlight) in [
        (
            format!("{jsdelivr}/bootstrap@5.3.3/dist/"),
            format!("{jsdelivr}/marked/marked.min.js"),
            "https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@11.11.1/build/".to_owned(),
        ),
        (
            "https://unpkg.com/bootstrap@5/dist/".to_owned(),
            "https://unpkg.com/marked@15/marked.min.js".to_owned(),
            "https://unpkg.com/@highlightjs/cdn-assets@11.11.1/".to_owned(),
        ),
        (
            format!("{cdnjs}/twitter-bootstrap/5.3.3/"),
            format!("{cdnjs}/marked/15.0.8/marked.min.js"),
            format!("{cdnjs}/highlight.js/11.11.1/"),
        ),
    ] {
        // The digest that Bootstrap's documentation gives.
        let digest = "sha384-YvpcrYf0tY3lHB60NNkmXc5s9fDVZLESaAA55NDzOxhy9GkcIdslK1eN7N6jIeHz";
        let body = format!(
            "<link rel=stylesheet href='{bootstrap}css/bootstrap.min.css'>\
             <link rel=stylesheet href='{highlight}styles/default.min.css'>\
             <script src='{bootstrap}js/bootstrap.bundle.min.js' integrity='{digest}' crossorigin=anonymous></script>\
             <script src='{marked}'></script><script src='{highlight}highlight.min.js'></script>\
             <div class=d-none>x</div><div id=out></div><pre><code class=language-js>let a = 1;</code></pre>\
             <script>out.innerHTML = marked.parse('# Title'); hljs.highlightAll();</script>"
        );
        let checks = [
            "js: getComputedStyle(document.querySelector('.d-none')).display === 'none'",
            "js: document.querySelector('#out h1').textContent === 'Title'",
            "js: !!document.querySelector('.hljs-keyword')",
            "js: typeof bootstrap.Modal === 'function'",
        ];
        let seen = look(&verifier, &body, &checks).await;
        assert_eq!(verdicts(&seen), [Verdict::Passed; 4], "{bootstrap}: {:?}", seen.report);
        assert_eq!(seen.report.failed_requests, []);
    }
    verifier.close().await;
}
