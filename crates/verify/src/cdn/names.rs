//! Libraries that go by another name than their npm package.

/// Name on cdnjs, name on npm. Case apart, most others are the same.
const LIBRARIES: [(&str, &str); 20] = [
    ("twitter-bootstrap", "bootstrap"),
    ("highlight.js", "@highlightjs/cdn-assets"),
    ("font-awesome", "@fortawesome/fontawesome-free"),
    ("bootstrap-icons", "bootstrap-icons"),
    ("lodash.js", "lodash"),
    ("moment.js", "moment"),
    ("three.js", "three"),
    ("handlebars.js", "handlebars"),
    ("mustache.js", "mustache"),
    ("prism", "prismjs"),
    ("normalize", "normalize.css"),
    ("normalize.css", "normalize.css"),
    ("plotly.js", "plotly.js-dist-min"),
    ("markdown-it", "markdown-it"),
    ("jqueryui", "jquery-ui"),
    ("popper.js", "popper.js"),
    ("underscore.js", "underscore"),
    ("backbone.js", "backbone"),
    ("angular.js", "angular"),
    ("codemirror", "codemirror"),
];

/// Owner and name of a repository, its npm package, and the folder of the repository that is the
/// package's root.
const REPOSITORIES: [(&str, &str, &str, &str); 4] = [
    ("highlightjs", "cdn-release", "@highlightjs/cdn-assets", "build/"),
    ("twbs", "bootstrap", "bootstrap", ""),
    ("markedjs", "marked", "marked", ""),
    ("jquery", "jquery-dist", "jquery", ""),
];

/// The npm package of a library of cdnjs.
pub(super) fn package_of_library(library: &str) -> String {
    let known = LIBRARIES.iter().find(|(name, _)| *name == library);
    known.map_or_else(|| library.to_lowercase(), |(_, package)| (*package).to_owned())
}

/// The npm package of a repository, and the folder of it that the package holds.
pub(super) fn package_of_repository(owner: &str, repo: &str) -> Option<(&'static str, &'static str)> {
    let known = REPOSITORIES.iter().find(|(known_owner, name, ..)| (*known_owner, *name) == (owner, repo))?;
    Some((known.2, known.3))
}
