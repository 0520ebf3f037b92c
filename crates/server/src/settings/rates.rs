//! `LIMITS_FILE`: how often something may happen.

use std::path::Path;

use core_flows::intake::Rates;

use super::Fault;

/// What `configs/limits.toml` documents; the defaults when no file is named.
pub(super) fn read(path: Option<&Path>, faults: &mut Vec<Fault>) -> Rates {
    let Some(path) = path else { return Rates::default() };
    let read = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| toml::from_str(&text).map_err(|error| error.to_string()));
    read.unwrap_or_else(|why| {
        let detail = format!("{} cannot be read: {}", path.display(), why.trim_end());
        faults.push(Fault { name: "LIMITS_FILE", detail });
        Rates::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file with `text` is read as, or what is wrong with it.
    fn check(text: &str) -> Result<Rates, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        let mut faults = Vec::new();
        let rates = read(Some(file.path()), &mut faults);
        faults.pop().map_or(Ok(rates), |fault| Err(fault.detail))
    }

    #[test]
    fn the_documented_file_holds_the_defaults() {
        assert_eq!(check(include_str!("../../../../configs/limits.toml")), Ok(Rates::default()));
        assert_eq!(read(None, &mut Vec::new()), Rates::default());
    }

    #[test]
    fn a_file_may_set_a_part_and_nothing_unknown() {
        let rates = check("[build]\nper_email = { limit = 7, window_s = 60 }").unwrap();
        assert_eq!((rates.build.per_email.limit.get(), rates.build.per_email.window_s.get()), (7, 60));
        assert_eq!(rates.revise, Rates::default().revise);
        for wrong in [
            "[build]\nper_email = { limit = 0, window_s = 60 }",
            "[build]\nper_mail = { limit = 7, window_s = 60 }",
            "[biuld]",
            "build =",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault() {
        let mut faults = Vec::new();
        read(Some(Path::new("/nonexistent/limits.toml")), &mut faults);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].detail.contains("/nonexistent/limits.toml"), "{faults:?}");
    }
}
