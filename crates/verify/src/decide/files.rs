//! The licence, and files: that they exist, are served, are linked, equal their attachments.

use ports::{Attachment, Site};
use shared_types::{Digest, SitePath};
use url::Url;

use super::Decision;
use crate::{html, serve};

/// `LICENSE` in the root, recognised as graders do: by its grant and its name.
pub(crate) fn licence(site: &Site) -> Decision {
    match site.text("LICENSE") {
        None => Decision::failed("there is no readable file LICENSE in the root"),
        Some(text) if !text.contains("is hereby granted") => {
            Decision::failed("LICENSE lacks the words \"is hereby granted\"")
        }
        Some(text) if !text.contains("MIT") => Decision::failed("LICENSE does not name the MIT licence"),
        Some(_) => Decision::passed("LICENSE holds the MIT licence"),
    }
}

/// A request for each of `paths` gets a file.
pub(crate) fn served(site: &Site, pages_url: &Url, paths: &[SitePath]) -> Decision {
    let gets_file = |path: &SitePath| match serve::resolve(site, pages_url, &address(pages_url, path)) {
        Some(serve::Served::File { .. }) => true,
        // A folder is answered with its own page, one step further on.
        Some(serve::Served::Redirect(to)) => {
            matches!(serve::resolve(site, pages_url, &to), Some(serve::Served::File { .. }))
        }
        _ => false,
    };
    let missing: Vec<&str> = paths.iter().filter(|path| !gets_file(path)).map(SitePath::as_str).collect();
    if missing.is_empty() {
        Decision::passed("every request is answered with 200")
    } else {
        Decision::failed(format!("answered with 404: {}", missing.join(", ")))
    }
}

/// Where `path` is served.
pub(crate) fn address(pages_url: &Url, path: &SitePath) -> Url {
    let mut url = pages_url.clone();
    // A URL of a page has a path, so there is always somewhere to add to.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.as_str().split('/'));
    }
    url
}

/// Every one of `paths` is a file of the site.
pub(crate) fn files_exist(site: &Site, paths: &[SitePath]) -> Decision {
    let missing: Vec<&str> = paths.iter().map(SitePath::as_str).filter(|path| !site.contains(path)).collect();
    if missing.is_empty() {
        Decision::passed("all files are part of the site")
    } else {
        Decision::failed(format!("not part of the site: {}", missing.join(", ")))
    }
}

/// `index.html` links to `path` in its HTML. A link that only a script could add is not judged here.
pub(crate) fn file_linked(site: &Site, pages_url: &Url, path: &SitePath) -> Decision {
    let Some(text) = site.text("index.html") else { return Decision::failed("there is no readable index.html") };
    let page = html::read(text);
    let base = page.base.as_deref().and_then(|base| pages_url.join(base).ok()).unwrap_or_else(|| pages_url.clone());
    let reaches = |target: &str| {
        let url = base.join(target.trim()).ok()?;
        match serve::resolve(site, pages_url, &url)? {
            serve::Served::File { path: found, .. } => Some(found == *path),
            _ => None,
        }
    };
    if page.links.iter().any(|link| reaches(&link.target) == Some(true)) {
        return Decision::passed(format!("index.html links to {path}"));
    }
    if !site.contains(path.as_str()) {
        return Decision::failed(format!("{path} is not part of the site"));
    }
    let scripts = site.iter().filter(|(file, _)| matches!(file.extension().as_str(), "html" | "js" | "mjs"));
    let named = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(path.file_name());
    if scripts.into_iter().any(|(_, bytes)| named(bytes)) {
        Decision::unjudged(format!("index.html has no link to {path} in its HTML; a script may add it"))
    } else {
        Decision::failed(format!("index.html has no link to {path}"))
    }
}

/// The file at `path` has the digest of the newest attachment of that name.
pub(crate) fn equals_attachment(site: &Site, attachments: &[Attachment], path: &SitePath) -> Decision {
    let Some(attachment) = attachments.iter().rev().find(|attachment| attachment.path == *path) else {
        return Decision::unsatisfiable(format!("no attachment is named {path}"));
    };
    match site.get(path.as_str()) {
        None => Decision::failed(format!("{path} is not part of the site")),
        Some(bytes) if Digest::of(bytes) == attachment.sha256 => {
            Decision::passed(format!("{path} equals the attachment"))
        }
        Some(bytes) => Decision::failed(format!(
            "{path} differs from the attachment ({} bytes, the attachment has {})",
            bytes.len(),
            attachment.size
        )),
    }
}

#[cfg(test)]
mod tests {
    use shared_types::Verdict;

    use super::*;

    fn site(files: &[(&str, &str)]) -> Site {
        files.iter().map(|(path, text)| (path.parse().unwrap(), bytes::Bytes::from(text.to_string()))).collect()
    }

    #[test]
    fn the_licence_is_known_by_its_grant() {
        let check = |text: &str, verdict| assert_eq!(licence(&site(&[("LICENSE", text)])).verdict, verdict, "{text}");
        check("MIT License\n\nPermission is hereby granted, free of charge", Verdict::Passed);
        check("MIT", Verdict::Failed);
        check("Permission is hereby granted", Verdict::Failed);
        assert_eq!(licence(&site(&[("LICENSE.md", "MIT is hereby granted")])).verdict, Verdict::Failed);
    }

    #[test]
    fn a_link_is_one_that_the_html_has() {
        let pages: Url = "https://s.example/x/".parse().unwrap();
        let check = |page: &str, verdict| {
            let site = site(&[("index.html", page), ("uid.txt", "1")]);
            assert_eq!(file_linked(&site, &pages, &"uid.txt".parse().unwrap()).verdict, verdict, "{page}");
        };
        check("<a href='uid.txt'>u</a>", Verdict::Passed);
        check("<a href='./uid.txt?x#y'>u</a>", Verdict::Passed);
        check("<a href='https://s.example/x/uid.txt'>u</a>", Verdict::Passed);
        check("<a href='/uid.txt'>u</a>", Verdict::Unjudged);
        check("<!-- <a href='uid.txt'> -->", Verdict::Unjudged);
        check("<script>link('uid.txt')</script>", Verdict::Unjudged);
        check("<p>hello</p>", Verdict::Failed);
        let none = file_linked(&site(&[("index.html", "<a href=uid.txt>")]), &pages, &"uid.txt".parse().unwrap());
        assert_eq!(none.verdict, Verdict::Failed);
    }

    #[test]
    fn the_newest_attachment_of_a_name_counts() {
        let attachment = |text: &str| Attachment {
            path: "a.txt".parse().unwrap(),
            media_type: "text/plain".to_owned(),
            sniffed_type: None,
            size: text.len() as u64,
            sha256: Digest::of(text.as_bytes()),
        };
        let both = [attachment("old"), attachment("new")];
        let path: SitePath = "a.txt".parse().unwrap();
        assert_eq!(equals_attachment(&site(&[("a.txt", "new")]), &both, &path).verdict, Verdict::Passed);
        assert_eq!(equals_attachment(&site(&[("a.txt", "old")]), &both, &path).verdict, Verdict::Failed);
        assert_eq!(equals_attachment(&site(&[]), &both, &path).verdict, Verdict::Failed);
        assert_eq!(equals_attachment(&site(&[("a.txt", "x")]), &[], &path).verdict, Verdict::Unsatisfiable);
    }

    #[test]
    fn missing_files_are_named() {
        let paths = ["a.txt".parse().unwrap(), "b.txt".parse().unwrap()];
        assert_eq!(files_exist(&site(&[("a.txt", "")]), &paths), Decision::failed("not part of the site: b.txt"));
        assert_eq!(files_exist(&site(&[("a.txt", ""), ("b.txt", "")]), &paths).verdict, Verdict::Passed);
    }

    #[test]
    fn served_files_are_found_as_hosts_find_them() {
        let pages: Url = "https://s.example/x/".parse().unwrap();
        let all = site(&[("index.html", ""), ("about.html", ""), ("docs/index.html", ""), ("a b#.txt", "")]);
        let check = |path: &str, verdict| {
            assert_eq!(served(&all, &pages, &[path.parse().unwrap()]).verdict, verdict, "{path}");
        };
        for path in ["index.html", "about", "docs", "docs/index.html", "a b#.txt"] {
            check(path, Verdict::Passed);
        }
        check("other.txt", Verdict::Failed);
        assert_eq!(served(&Site::new(), &pages, &["index.html".parse().unwrap()]).verdict, Verdict::Failed);
    }
}
