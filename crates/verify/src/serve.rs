//! Which file of a site answers a URL: static pages as GitHub serves them, without a server.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ports::Site;
use shared_types::SitePath;
use url::Url;

/// What a URL below the pages' URL gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Served<'a> {
    /// This file.
    File { path: SitePath, bytes: &'a Bytes },
    /// The same place with a slash at its end.
    Redirect(Url),
    /// 404.
    Missing,
}

/// What `url` gets; none when it does not lie below `pages_url`.
pub(crate) fn resolve<'a>(site: &'a Site, pages_url: &Url, url: &Url) -> Option<Served<'a>> {
    if url.origin() != pages_url.origin() {
        return None;
    }
    let below = url.path().strip_prefix(pages_url.path())?;
    let Ok(path) = percent_decode_str(below).decode_utf8() else { return Some(Served::Missing) };
    let candidates = if path.is_empty() || path.ends_with('/') {
        vec![format!("{path}index.html")]
    } else {
        vec![path.to_string(), format!("{path}.html")]
    };
    for candidate in candidates {
        if let (Some(bytes), Ok(path)) = (site.get(&candidate), candidate.parse()) {
            return Some(Served::File { path, bytes });
        }
    }
    if !path.is_empty() && site.contains(&format!("{path}/index.html")) {
        let mut slashed = url.clone();
        slashed.set_path(&format!("{}/", url.path()));
        return Some(Served::Redirect(slashed));
    }
    Some(Served::Missing)
}

/// The `content-type` of a file, by the extension of its name in small letters.
pub(crate) fn content_type(extension: &str) -> String {
    let media = match extension {
        "js" | "mjs" => "text/javascript".to_owned(),
        "md" => "text/markdown".to_owned(),
        // A file without an extension is text as a rule: LICENSE, uid.
        "" => "text/plain".to_owned(),
        _ => mime_guess::from_ext(extension).first_or_octet_stream().essence_str().to_owned(),
    };
    let textual = media.starts_with("text/") || matches!(media.as_str(), "application/json" | "image/svg+xml");
    if textual { format!("{media}; charset=utf-8") } else { media }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_find_their_files() {
        let mut site = Site::new();
        for path in ["index.html", "a b.txt", "docs/index.html", "about.html"] {
            site.insert(path.parse().unwrap(), Bytes::from_static(b"x"));
        }
        let pages: Url = "https://s.example/x/".parse().unwrap();
        let check = |url: &str, expected: &str| {
            let seen = match resolve(&site, &pages, &pages.join(url).unwrap()) {
                None => "elsewhere".to_owned(),
                Some(Served::File { path, .. }) => path.to_string(),
                Some(Served::Redirect(to)) => format!("to {}", to.path()),
                Some(Served::Missing) => "404".to_owned(),
            };
            assert_eq!(seen, expected, "{url}");
        };
        check("", "index.html");
        check("?q=1#f", "index.html");
        check("a%20b.txt?v=2", "a b.txt");
        check("docs", "to /x/docs/");
        check("docs/", "docs/index.html");
        check("about", "about.html");
        check("nothing", "404");
        check("%2e%2e/secret", "elsewhere");
        check("..%2f..%2fetc/passwd", "404");
        check("%ff", "404");
        check("/other/", "elsewhere");
        check("https://cdn.example/x/index.html", "elsewhere");
    }

    #[test]
    fn files_have_the_content_type_of_their_name() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("d.csv", "text/csv; charset=utf-8"),
            ("d.json", "application/json; charset=utf-8"),
            ("b.svg", "image/svg+xml; charset=utf-8"),
            ("s.png", "image/png"),
            ("LICENSE", "text/plain; charset=utf-8"),
            ("x.strange", "application/octet-stream"),
        ] {
            assert_eq!(content_type(&path.parse::<SitePath>().unwrap().extension()), expected, "{path}");
        }
    }
}
