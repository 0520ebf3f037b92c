//! What a URL of a CDN names: a host, a package, a range of versions, a file.

use percent_encoding::percent_decode_str;
use semver::{Comparator, Op, Version, VersionReq};
use url::Url;

use super::names;

/// A public CDN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    JsDelivr,
    CdnJs,
    Unpkg,
}

impl Host {
    pub(crate) const ALL: [Self; 3] = [Self::JsDelivr, Self::CdnJs, Self::Unpkg];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JsDelivr => "cdn.jsdelivr.net",
            Self::CdnJs => "cdnjs.cloudflare.com",
            Self::Unpkg => "unpkg.com",
        }
    }

    fn of(url: &Url) -> Option<Self> {
        let web = matches!(url.scheme(), "https" | "http") && url.port().is_none();
        Self::ALL.into_iter().find(|host| web && url.host_str() == Some(host.name()))
    }

    /// Where its packages lie in the cache; cdnjs knows libraries by names of its own.
    pub(super) fn package_folder(self) -> Option<&'static str> {
        match self {
            Self::JsDelivr => Some("cdn.jsdelivr.net/npm"),
            Self::Unpkg => Some("unpkg.com"),
            Self::CdnJs => None,
        }
    }

    /// Fields of `package.json` that name the file given for a bare package.
    pub(super) fn default_fields(self) -> &'static [&'static str] {
        match self {
            Self::JsDelivr => &["jsdelivr", "browser", "main"],
            Self::Unpkg => &["unpkg", "main"],
            Self::CdnJs => &["main"],
        }
    }

    /// Where a package may have `file`: unpkg completes names, and cdnjs leaves out the folder that a
    /// package is built into.
    pub(super) fn spellings(self, file: &str) -> Vec<String> {
        let within = |folders: &[&str]| folders.iter().map(|folder| format!("{folder}{file}")).collect();
        match self {
            Self::JsDelivr => vec![file.to_owned()],
            Self::Unpkg => vec![file.to_owned(), format!("{file}.js"), format!("{file}/index.js")],
            Self::CdnJs => within(&["", "dist/", "build/", "umd/", "dist/umd/", "lib/", "min/", "release/"]),
        }
    }
}

/// Which versions will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Range {
    /// The newest that is no pre-release.
    Newest,
    Exact(Version),
    Within(VersionReq),
}

impl Range {
    /// As npm's CDNs read it: `5` and `5.3` leave the rest open, a whole version is that version.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text == "latest" || text == "*" {
            return Some(Self::Newest);
        }
        if let Ok(version) = text.trim_start_matches(['v', '=']).parse() {
            return Some(Self::Exact(version));
        }
        let mut range: VersionReq = text.trim_start_matches('v').parse().ok()?;
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            // Read as Cargo does, `5.3` would allow 5.4.
            range.comparators.iter_mut().for_each(open_end);
        }
        Some(Self::Within(range))
    }

    pub(super) fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Newest => version.pre.is_empty(),
            Self::Exact(exact) => exact == version,
            Self::Within(range) => range.matches(version),
        }
    }
}

fn open_end(comparator: &mut Comparator) {
    if comparator.op == Op::Caret {
        comparator.op = Op::Tilde;
    }
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As npm names it, with its scope.
    pub package: String,
    pub range: Range,
    /// None: whatever the host gives for the package itself.
    pub file: Option<String>,
}

/// What a URL of one of the hosts asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub host: Host,
    /// The URL's path, decoded and without a slash at its start; stays below any folder.
    pub path: String,
    /// Unless the path has no package in it that we know of.
    pub wanted: Option<Wanted>,
}

/// Reads a URL; none for other hosts, for paths that lead elsewhere, and where a query may ask for
/// another form of the file.
pub(super) fn read(url: &Url) -> Option<Asked> {
    let host = Host::of(url).filter(|host| *host != Host::Unpkg || url.query().is_none())?;
    let decoded = percent_decode_str(url.path()).decode_utf8().ok()?;
    let path = relative(decoded.trim_start_matches('/').trim_end_matches('/'))?;
    let wanted = match host {
        Host::Unpkg => package(&path),
        Host::JsDelivr => match path.split_once('/')? {
            ("npm", rest) => package(rest),
            ("gh", rest) => repository(rest),
            _ => None,
        },
        Host::CdnJs => library(&path),
    };
    Some(Asked { host, path, wanted })
}

/// `path` when it stays below whatever it is joined to.
pub(super) fn relative(path: &str) -> Option<String> {
    let sound = |part: &str| {
        !matches!(part, "" | "." | "..") && part.len() <= 255 && !part.contains(['\\', '\0']) && !part.starts_with('.')
    };
    (path.len() <= 1024 && path.split('/').all(sound)).then(|| path.to_owned())
}

/// `bootstrap@5/dist/css/bootstrap.min.css`, `@scope/name`.
fn package(text: &str) -> Option<Wanted> {
    let (scope, rest) = match text.strip_prefix('@') {
        Some(_) => text.split_once('/').map(|(scope, rest)| (Some(scope), rest))?,
        None => (None, text),
    };
    let (spec, file) = match rest.split_once('/') {
        Some((spec, file)) => (spec, Some(file.to_owned())),
        None => (rest, None),
    };
    let (name, range) = spec.split_once('@').unwrap_or((spec, ""));
    let package = scope.map_or_else(|| name.to_owned(), |scope| format!("{scope}/{name}"));
    Some(Wanted { package, range: Range::read(range)?, file })
}

/// `<owner>/<repo>@<tag>/<file>`, for repositories whose npm package holds the same files.
fn repository(text: &str) -> Option<Wanted> {
    let mut parts = text.splitn(3, '/');
    let (owner, spec, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (repo, tag) = spec.split_once('@').unwrap_or((spec, ""));
    let (package, folder) = names::package_of_repository(owner, repo)?;
    let file = file.strip_prefix(folder)?.to_owned();
    Some(Wanted { package: package.to_owned(), range: Range::read(tag)?, file: Some(file) })
}

/// `ajax/libs/<library>/<version>/<file>`.
fn library(path: &str) -> Option<Wanted> {
    let mut parts = path.strip_prefix("ajax/libs/")?.splitn(3, '/');
    let (library, version, file) = (parts.next()?, parts.next()?, parts.next()?);
    let package = names::package_of_library(library);
    Some(Wanted { package, range: Range::read(version)?, file: Some(file.to_owned()) })
}
