use super::*;

fn cache(files: &[&str]) -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // The main fields are those of Chart.js.
        let manifest = r#"{"main": "dist/chart.cjs", "jsdelivr": "./dist/chart.umd.js", "unpkg": "../../escape"}"#;
        fs::write(&path, if file.ends_with("package.json") { manifest } else { file }).unwrap();
    }
    let cache = Cache::new(folder.path().to_owned(), 1000);
    (folder, cache)
}

#[test]
fn urls_find_their_libraries() {
    let (_folder, cache) = cache(&[
        "npm/bootstrap@5.2.0/dist/js/bootstrap.min.js",
        "npm/bootstrap@5.3.3/dist/js/bootstrap.min.js",
        "npm/bootstrap@6.0.0-alpha.1/dist/js/bootstrap.min.js",
        "npm/bootstrap@4.6.2/dist/js/bootstrap.min.js",
        "npm/@highlightjs/cdn-assets@11.9.0/highlight.min.js",
        "npm/chart.js@4.4.0/package.json",
        "npm/chart.js@4.4.0/dist/chart.umd.js",
        "npm/chart.js@4.4.0/dist/chart.cjs",
        "npm/marked@15.0.0/marked.min.js",
        "cdn.jsdelivr.net/npm/marked@15.0.1/marked.min.js",
        "cdn.jsdelivr.net/gh/some/repo@1.0.0/a.js",
        "secret.js",
    ]);
    let check = |url: &str, expected: &str| {
        let seen = cache.find(&url.parse().unwrap());
        let seen = seen.map(|library| String::from_utf8(library.bytes.to_vec()).unwrap());
        assert_eq!(seen.unwrap_or_default(), expected, "{url}");
    };
    let bootstrap = |version: &str| format!("npm/bootstrap@{version}/dist/js/bootstrap.min.js");
    for (range, version) in [
        ("@5.3.3", "5.3.3"),
        ("@5.2.0", "5.2.0"),
        ("@5", "5.3.3"),
        ("@5.2", "5.2.0"),
        ("@^5.1.0", "5.3.3"),
        ("@~5.2.0", "5.2.0"),
        ("@5.x", "5.3.3"),
        ("@4", "4.6.2"),
        ("@latest", "5.3.3"),
        ("", "5.3.3"),
        ("@6.0.0-alpha.1", "6.0.0-alpha.1"),
    ] {
        for host in ["cdn.jsdelivr.net/npm", "unpkg.com"] {
            check(&format!("https://{host}/bootstrap{range}/dist/js/bootstrap.min.js"), &bootstrap(version));
        }
    }
    let cdnjs = "https://cdnjs.cloudflare.com/ajax/libs";
    check(&format!("{cdnjs}/twitter-bootstrap/5.3.3/js/bootstrap.min.js"), &bootstrap("5.3.3"));
    check(&format!("{cdnjs}/bootstrap/5.3.3/js/bootstrap.min.js?v=1"), &bootstrap("5.3.3"));
    let highlight = "npm/@highlightjs/cdn-assets@11.9.0/highlight.min.js";
    check(&format!("{cdnjs}/highlight.js/11.9.0/highlight.min.js"), highlight);
    check("https://cdn.jsdelivr.net/gh/highlightjs/cdn-release@11.9.0/build/highlight.min.js", highlight);
    check("https://unpkg.com/@highlightjs/cdn-assets@11/highlight.min.js", highlight);
    check("https://cdn.jsdelivr.net/npm/chart.js", "npm/chart.js@4.4.0/dist/chart.umd.js");
    check("https://unpkg.com/chart.js", "npm/chart.js@4.4.0/dist/chart.cjs");
    // What a host gave lies nearer than a package, and is that host's only.
    check("https://cdn.jsdelivr.net/npm/marked/marked.min.js", "cdn.jsdelivr.net/npm/marked@15.0.1/marked.min.js");
    check("https://unpkg.com/marked/marked.min.js", "npm/marked@15.0.0/marked.min.js");
    check("https://cdn.jsdelivr.net/gh/some/repo@1.0.0/a.js", "cdn.jsdelivr.net/gh/some/repo@1.0.0/a.js");

    for absent in [
        "https://cdn.jsdelivr.net/npm/bootstrap@5.3.9/dist/js/bootstrap.min.js",
        "https://cdn.jsdelivr.net/npm/bootstrap@7/dist/js/bootstrap.min.js",
        "https://cdn.jsdelivr.net/npm/bootstrap@next/dist/js/bootstrap.min.js",
        "https://unpkg.com/bootstrap@5/dist/js/bootstrap.min.js?module",
        "https://cdn.jsdelivr.net/..%2fsecret.js",
        "https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/..%2f..%2f..%2fsecret.js",
        "https://cdn.jsdelivr.net:8443/npm/bootstrap@5/dist/js/bootstrap.min.js",
        "https://elsewhere.example/npm/bootstrap@5/dist/js/bootstrap.min.js",
        "https://cdn.jsdelivr.net/",
        "https://cdn.jsdelivr.net/%ff",
        "ftp://unpkg.com/bootstrap",
    ] {
        check(absent, "");
    }
}

#[test]
fn what_never_changes_is_kept() {
    let (folder, cache) = cache(&[]);
    let check = |url: &str, version: Option<&str>, expected: Option<&str>| {
        let kept = cache.keep(&url.parse().unwrap(), version, b"x").unwrap();
        assert_eq!(kept, expected.is_some(), "{url}");
        assert!(expected.is_none_or(|path| folder.path().join(path).is_file()), "{url}");
    };
    let jsdelivr = "https://cdn.jsdelivr.net/npm";
    check(&format!("{jsdelivr}/a@1.2.3/d/a.js"), None, Some("cdn.jsdelivr.net/npm/a@1.2.3/d/a.js"));
    check(&format!("{jsdelivr}/a@1/d/a.js"), Some("1.2.4"), Some("cdn.jsdelivr.net/npm/a@1.2.4/d/a.js"));
    check(&format!("{jsdelivr}/@s/a"), Some("1.0.0"), Some("cdn.jsdelivr.net/npm/@s/a@1.0.0/_default.js"));
    check("https://unpkg.com/a@1.2.3/a.js", None, Some("unpkg.com/a@1.2.3/a.js"));
    let cdnjs = "https://cdnjs.cloudflare.com/ajax/libs/a/1.2.3/a.js";
    check(cdnjs, None, Some("cdnjs.cloudflare.com/ajax/libs/a/1.2.3/a.js"));
    check(cdnjs, None, None);
    for changing in [
        format!("{jsdelivr}/a@1/e.js"),
        "https://unpkg.com/a@1/e.js".to_owned(),
        "https://unpkg.com/a@1.2.3".to_owned(),
        "https://unpkg.com/a@1.2.3/e.js?meta".to_owned(),
        "https://cdn.jsdelivr.net/combine/npm/a@1.2.3,npm/b@1.2.3".to_owned(),
        "https://elsewhere.example/a@1.2.3/e.js".to_owned(),
    ] {
        check(&changing, None, None);
    }
    check(&format!("{jsdelivr}/a@1/e.js"), Some("../../x"), None);
    // And found again, by a range too.
    let found = cache.find(&format!("{jsdelivr}/@s/a").parse().unwrap());
    assert_eq!(found.map(|library| library.bytes), Some(Bytes::from_static(b"x")));
}

#[test]
fn what_is_kept_is_bounded_and_packages_stay() {
    let (folder, cache) = cache(&["npm/a@1.0.0/a.js"]);
    for number in 0..20 {
        let url = format!("https://unpkg.com/a@1.0.{number}/b.js").parse().unwrap();
        assert!(cache.keep(&url, None, &[b'x'; 100]).unwrap());
    }
    let files = |below: &str| fs::read_dir(folder.path().join(below)).unwrap().flatten();
    let left = files("unpkg.com").filter(|package| package.path().join("b.js").exists()).count();
    assert!((1..=10).contains(&left), "{left} of 100 bytes in a cache of 1000");
    assert!(folder.path().join("npm/a@1.0.0/a.js").exists());
    let large = "https://unpkg.com/a@2.0.0/b.js".parse().unwrap();
    assert!(!cache.keep(&large, None, &[b'x'; 2000]).unwrap());
}
