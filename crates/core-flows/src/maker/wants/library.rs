//! Libraries that requests name, and where the CDNs keep them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::selector::Node;
use super::words::pattern;

/// A package of npm, at the version that is known to work here. Addresses are below
/// `https://cdn.jsdelivr.net/npm/<package>@<version>/`, where none is given whole.
struct Library {
    /// As requests name it, in lower case.
    name: &'static str,
    package: &'static str,
    version: &'static str,
    style: Option<&'static str>,
    script: Option<&'static str>,
}

const fn library(
    name: &'static str,
    package: &'static str,
    version: &'static str,
    style: Option<&'static str>,
    script: Option<&'static str>,
) -> Library {
    Library { name, package, version, style, script }
}

#[rustfmt::skip]
const LIBRARIES: [Library; 34] = [
    library("bootstrap", "bootstrap", "5.3.3", Some("dist/css/bootstrap.min.css"), Some("dist/js/bootstrap.bundle.min.js")),
    library("bootstrap-icons", "bootstrap-icons", "1.11.3", Some("font/bootstrap-icons.min.css"), None),
    library("bulma", "bulma", "1.0.2", Some("css/bulma.min.css"), None),
    library("pico", "@picocss/pico", "2.0.6", Some("css/pico.min.css"), None),
    library("tailwind", "@tailwindcss/browser", "4.0.0", None, Some("dist/index.global.js")),
    library("font-awesome", "@fortawesome/fontawesome-free", "6.6.0", Some("css/all.min.css"), None),
    library("animate.css", "animate.css", "4.1.1", Some("animate.min.css"), None),
    library("marked", "marked", "12.0.2", None, Some("marked.min.js")),
    library("markdown-it", "markdown-it", "14.1.0", None, Some("dist/markdown-it.min.js")),
    library("showdown", "showdown", "2.1.0", None, Some("dist/showdown.min.js")),
    library("dompurify", "dompurify", "3.1.6", None, Some("dist/purify.min.js")),
    // Checks look for "highlight.js" in the address, and npm has no bundle for browsers under that name.
    library("highlight.js", "highlight.js", "11.9.0", Some("https://cdnjs.cloudflare.com/ajax/libs/highlight.js/VERSION/styles/github.min.css"), Some("https://cdnjs.cloudflare.com/ajax/libs/highlight.js/VERSION/highlight.min.js")),
    library("prism", "prismjs", "1.29.0", Some("themes/prism.min.css"), Some("prism.min.js")),
    library("chart.js", "chart.js", "4.4.3", None, Some("dist/chart.umd.js")),
    library("d3", "d3", "7.9.0", None, Some("dist/d3.min.js")),
    library("echarts", "echarts", "5.5.1", None, Some("dist/echarts.min.js")),
    library("plotly", "plotly.js-dist-min", "2.35.2", None, Some("plotly.min.js")),
    library("leaflet", "leaflet", "1.9.4", Some("dist/leaflet.css"), Some("dist/leaflet.js")),
    library("three", "three", "0.160.0", None, Some("build/three.min.js")),
    library("jquery", "jquery", "3.7.1", None, Some("dist/jquery.min.js")),
    library("lodash", "lodash", "4.17.21", None, Some("lodash.min.js")),
    library("axios", "axios", "1.7.7", None, Some("dist/axios.min.js")),
    library("dayjs", "dayjs", "1.11.13", None, Some("dayjs.min.js")),
    library("moment", "moment", "2.30.1", None, Some("min/moment.min.js")),
    library("luxon", "luxon", "3.5.0", None, Some("build/global/luxon.min.js")),
    library("papaparse", "papaparse", "5.4.1", None, Some("papaparse.min.js")),
    library("xlsx", "xlsx", "0.18.5", None, Some("dist/xlsx.full.min.js")),
    library("katex", "katex", "0.16.10", Some("dist/katex.min.css"), Some("dist/katex.min.js")),
    library("mathjax", "mathjax", "3.2.2", None, Some("es5/tex-mml-chtml.js")),
    library("mermaid", "mermaid", "10.9.1", None, Some("dist/mermaid.min.js")),
    library("vue", "vue", "3.4.38", None, Some("dist/vue.global.prod.js")),
    library("alpine", "alpinejs", "3.14.1", None, Some("dist/cdn.min.js")),
    library("htmx", "htmx.org", "1.9.12", None, Some("dist/htmx.min.js")),
    library("tesseract", "tesseract.js", "5.1.1", None, Some("dist/tesseract.min.js")),
];

/// Addresses of style sheets and scripts, each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::maker) struct Libraries {
    pub(in crate::maker) styles: Vec<String>,
    pub(in crate::maker) scripts: Vec<String>,
}

/// Libraries that `wanted` looks for in addresses, and that `briefs` name.
pub(super) fn read(wanted: &[&Node], briefs: &[&str]) -> Libraries {
    let (mut styles, mut scripts) = (BTreeSet::new(), BTreeSet::new());
    let named = named(briefs);
    let is_named = |name: &str| named.contains(&name.to_owned());
    // In the briefs' own words a framework of styles is its style sheet.
    for library in LIBRARIES.iter().filter(|library| is_named(library.name)) {
        styles.extend(library.style.map(|path| library.address(path, None)));
        scripts.extend(library.script.filter(|_| library.name != "bootstrap").map(|path| library.address(path, None)));
    }
    for node in wanted {
        let (needle, in_styles) = match (node.tag.as_deref(), node.attributes.as_slice()) {
            (Some("link"), attributes) => (value(attributes, "href"), true),
            (Some("script"), attributes) => (value(attributes, "src"), false),
            _ => continue,
        };
        let Some(needle) = needle.filter(|needle| !needle.is_empty()) else { continue };
        let set = if in_styles { &mut styles } else { &mut scripts };
        if !set.iter().any(|address: &String| address.contains(needle)) {
            set.extend(address(needle, in_styles, &is_named));
        }
    }
    Libraries { styles: styles.into_iter().collect(), scripts: scripts.into_iter().collect() }
}

fn value<'a>(attributes: &'a [(String, Option<String>)], wanted: &str) -> Option<&'a str> {
    attributes.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.as_deref())
}

impl Library {
    fn address(&self, path: &str, version: Option<&str>) -> String {
        let version = version.unwrap_or(self.version);
        match path.strip_prefix("https://") {
            Some(rest) => format!("https://{}", rest.replace("VERSION", version)),
            None => format!("https://cdn.jsdelivr.net/npm/{}@{version}/{path}", self.package),
        }
    }
}

/// An address that holds `needle`; none where nobody can know one.
fn address(needle: &str, in_styles: bool, is_named: &dyn Fn(&str) -> bool) -> Option<String> {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"[@/](\d+\.\d+\.\d+)(?:[/@]|$)"));
    static WHOLE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^https://[\w.-]+\.[a-z]{2,}/[\w@./+%-]+\.(?:js|mjs|css)$"));
    static PACKAGE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:@[a-z0-9-]+/)?[a-z][a-z0-9-]{2,60}(?:@[\w.-]+)?$"));
    if WHOLE.is_match(needle) {
        return Some(needle.to_owned());
    }
    let version = VERSION.captures(needle).map(|found| found[1].to_owned());
    let of = |library: &Library| {
        let path = if in_styles { library.style } else { library.script };
        path.map(|path| library.address(path, version.as_deref()))
    };
    let lower = needle.to_lowercase();
    let holding: Vec<(&Library, String)> = LIBRARIES
        .iter()
        .filter_map(|library| Some((library, of(library)?)))
        .filter(|(_, address)| address.to_lowercase().contains(&lower))
        .collect();
    // A needle that fits several, such as a CDN's name, means one that is named if there is any.
    let best = holding.iter().find(|(library, _)| is_named(library.name)).or(holding.first());
    if let Some((_, address)) = best {
        return Some(address.clone());
    }
    // A name with a dot or a slash is a file, more likely the site's own than a package.
    (!in_styles && PACKAGE.is_match(&lower)).then(|| format!("https://cdn.jsdelivr.net/npm/{lower}"))
}

/// Words of the briefs, and each two of them joined, as packages are named.
fn named(briefs: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for brief in briefs {
        let lower = brief.to_lowercase();
        let words: Vec<&str> = lower
            .split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'))
            .map(|word| word.trim_matches(['.', '-']))
            .filter(|word| !word.is_empty())
            .collect();
        let not = |at: usize| {
            at > 0
                && words
                    .get(at.saturating_sub(2)..at)
                    .is_some_and(|before| before.iter().any(|word| matches!(*word, "no" | "not" | "without" | "never")))
        };
        for (at, word) in words.iter().enumerate().filter(|(at, _)| !not(*at)) {
            names.push((*word).to_owned());
            names.push(word.trim_end_matches("js").trim_end_matches("css").trim_end_matches('.').to_owned());
            names.extend(words.get(at + 1).map(|next| format!("{word}-{next}")));
        }
    }
    // A word of English that is also a package's name.
    names.retain(|name| !matches!(name.as_str(), "three" | "prism" | "moment" | "alpine" | "pico" | "marked" if !is_meant(name, briefs)));
    names
}

/// Whether the word is used as a library's name: in code, or beside the word library.
fn is_meant(name: &str, briefs: &[&str]) -> bool {
    briefs.iter().map(|brief| brief.to_lowercase()).any(|brief| {
        brief.contains(&format!("`{name}"))
            || ["library", "cdn", "script", "parser", ".js", "js ", "css"].iter().any(|word| brief.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::super::selector::chains;
    use super::*;

    fn check(selectors: &[&str], briefs: &[&str], styles: &[&str], scripts: &[&str]) {
        let nodes: Vec<Node> = selectors.iter().flat_map(|selector| chains(selector)).flatten().collect();
        let found = read(&nodes.iter().collect::<Vec<_>>(), briefs);
        let short = |list: &[String]| {
            list.iter().map(|address| address.replace("https://cdn.jsdelivr.net/npm/", "")).collect::<Vec<_>>()
        };
        assert_eq!(
            (short(&found.styles), short(&found.scripts)),
            (styles.iter().map(ToString::to_string).collect(), scripts.iter().map(ToString::to_string).collect()),
            "{selectors:?} {briefs:?}"
        );
    }

    #[test]
    fn libraries_are_loaded_from_where_checks_look_for_them() {
        let bootstrap = "bootstrap@5.3.3/dist/css/bootstrap.min.css";
        check(&["link[href*='bootstrap']"], &[], &[bootstrap], &[]);
        check(&["link[href*='cdn.jsdelivr.net']"], &["Style it with Bootstrap 5."], &[bootstrap], &[]);
        check(&["link[href*='bootstrap@5.2.0']"], &[], &["bootstrap@5.2.0/dist/css/bootstrap.min.css"], &[]);
        check(&["script[src*='bootstrap']"], &[], &[], &["bootstrap@5.3.3/dist/js/bootstrap.bundle.min.js"]);
        check(&["script[src*='marked']"], &["Use the marked library."], &[], &["marked@12.0.2/marked.min.js"]);
        check(&["script[src*='chart']"], &[], &[], &["chart.js@4.4.3/dist/chart.umd.js"]);
        check(&["script[src*=\"some-package\"]"], &[], &[], &["some-package"]);
        check(&["script[src*='app.js']", "link[href*='style.css']"], &[], &[], &[]);
        check(&["script[src='https://example.com/x.js']"], &[], &[], &["https://example.com/x.js"]);
        check(&["script[src*='javascript:alert(1)']"], &[], &[], &[]);
        check(&[], &["Do not use jQuery. It is marked with three stars."], &[], &[]);
        let highlight = "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/11.9.0";
        check(
            &["script[src*='highlight.js']"],
            &["Highlight code with highlight.js."],
            &[&format!("{highlight}/styles/github.min.css")],
            &[&format!("{highlight}/highlight.min.js")],
        );
    }
}
