//! What a person would see: two sizes, blank pages, pages that are too wide for a phone.

use ports::Verification;
use shared_types::Severity;

use crate::world::{page, ran, verifier, verify};

/// Width and height, as the head of a PNG says.
fn size(png: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

fn findings(seen: &Verification) -> Vec<(Severity, &str, &str)> {
    let findings = seen.report.findings.iter().filter(|finding| finding.rule.starts_with("page."));
    findings.map(|finding| (finding.severity, finding.rule.as_str(), finding.message.as_str())).collect()
}

const META: &str = "<meta name=viewport content='width=device-width, initial-scale=1'>";

#[tokio::test]
async fn a_page_is_seen_at_two_sizes() {
    let verifier = verifier();
    let body =
        format!("{META}<style>p {{ color: red }} @media (max-width: 500px) {{ p {{ color: blue }} }}</style><p>x");
    // Checks see the desktop.
    let checks = [
        "js: innerWidth === 1280 && innerHeight === 800",
        "js: getComputedStyle(document.querySelector('p')).color === 'rgb(255, 0, 0)'",
    ];
    let seen = ran(verify(&verifier, page(&body), &checks).await);
    assert_eq!(seen.report.passed(), 2, "{:?}", seen.report.checks);
    assert_eq!(size(&seen.screenshot.clone().unwrap()), (1280, 800));
    assert_eq!(size(&seen.phone_screenshot.clone().unwrap()), (390, 844));
    assert_eq!(findings(&seen), []);
    verifier.close().await;
}

#[tokio::test]
async fn blank_and_wide_pages_are_found() {
    let verifier = verifier();
    for (body, rules) in [
        ("", &["page.blank"][..]),
        ("<div id=app></div><script>throw new Error('no')</script>", &["page.blank"]),
        ("<p style='display: none'>x</p><p hidden>y</p>", &["page.blank"]),
        ("<div style='opacity: 0'><p>x</p></div><p style='visibility: hidden'>y", &["page.blank"]),
        ("<img src=none.png alt='' width=0 height=0><input type=hidden>", &["page.blank"]),
        ("<p>x</p>", &[]),
        ("<canvas></canvas>", &[]),
        ("<div style='height: 9px; background: red'></div>", &[]),
        ("<input>", &[]),
        ("<div id=a></div><script>a.attachShadow({mode: 'open'}).innerHTML = 'x'</script>", &[]),
        ("<table id=wide style='width: 700px'><tr><td>x</table>", &["page.overflow"]),
        ("<p>x</p><div style='overflow-x: auto'><div style='width: 900px'>y</div></div>", &[]),
        ("<style>body { overflow-x: hidden }</style><p style='width: 900px'>x", &[]),
        (
            "<p id=p>x</p><script>onresize = () => { p.style.width = innerWidth < 500 ? '600px' : '' }</script>",
            &["page.overflow"],
        ),
    ] {
        let seen = ran(verify(&verifier, page(&format!("{META}{body}")), &[]).await);
        let found: Vec<&str> = findings(&seen).iter().map(|finding| finding.1).collect();
        assert_eq!(found, rules, "{body}");
    }
    let seen = ran(verify(&verifier, page("<p>x"), &[]).await);
    let words = "on a phone 390 px wide the page is 980 px wide and scrolls sideways; <p> reaches over the edge";
    assert_eq!(findings(&seen), [(Severity::Notice, "page.overflow", words)], "no viewport is declared");
    let seen = ran(verify(&verifier, page(META), &[]).await);
    assert_eq!(findings(&seen), [(Severity::Error, "page.blank", "the page is blank: nothing on it can be seen")]);
    verifier.close().await;
}
