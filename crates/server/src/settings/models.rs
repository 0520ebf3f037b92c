//! Who writes the sites, what it may cost, and what is not asked for.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use llm::{CacheMode, Moderation, Prices};
use ports::SpendCaps;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::Fault;
use super::read::{flag, missing, url, wrong};

/// Where a key without an address leads.
const OPENAI_URL: &str = "https://api.openai.com/v1/";

/// What `LLM_MODEL` is for.
const WHAT_MODEL: &str = "the model that writes the sites, by the name its service gives it (or the table [aliases])";

/// The aliases that this program asks for; a proxy maps them to models.
pub(crate) const ALIASES: [&str; 2] = ["app-generator", "app-reviser"];

/// Aliases that it does without; no proxy is expected to know them.
const OPTIONAL_ALIASES: [&str; 3] = ["app-fallback", "check-compiler", "judge"];

/// Default of `LLM_HEDGE`: most answers have begun by then, and a second model still has the larger part of the time.
const HEDGE_AFTER: f32 = 0.4;

/// Default caps in US dollars: some ten calls of a dear model for a task, four such tasks for a student and day, ten
/// such students for a day.
const CAPS_USD: [f64; 3] = [5.0, 20.0, 200.0];

/// Language models behind one OpenAI-compatible address.
#[derive(Debug, Clone)]
pub struct Model {
    /// `LITELLM_URL` or `LLM_BASE_URL`. Default `https://api.openai.com/v1/` when only a key is set.
    pub base_url: Url,
    /// `LLM_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `LLM_MODEL`: the models of every alias that has none of its own, best first, with commas between them.
    pub default_models: Vec<String>,
    /// Table `[aliases]` of the file: alias to a model, or to a list of models, best first.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// `PROMPTS_DIR`: templates that stand in for the built-in ones.
    pub prompts_dir: Option<PathBuf>,
    /// `PRICES_FILE`. Default `configs/prices.toml` as it was built in.
    pub prices: Prices,
    /// `SPEND_PER_TASK_USD`, `SPEND_PER_STUDENT_DAY_USD`, `SPEND_PER_DAY_USD`: an amount, or `off`. Default 5, 20, 200.
    pub caps: SpendCaps,
    /// `LLM_CACHE`: `off`, `read-write` or `replay`, in the folder `llm-cache` of the data folder. Default `off`.
    pub cache: CacheMode,
    /// `LLM_HEDGE`: the share of a call's time, or `off`. Default 0.4.
    pub hedge_after: Option<f32>,
}

/// The texts as they were found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    llm_api_key: Option<SecretString>,
    litellm_url: Option<String>,
    llm_base_url: Option<String>,
    llm_model: Option<String>,
    llm_cache: Option<String>,
    llm_hedge: Option<String>,
    prompts_dir: Option<PathBuf>,
    prices_file: Option<PathBuf>,
    spend_per_task_usd: Option<String>,
    spend_per_student_day_usd: Option<String>,
    spend_per_day_usd: Option<String>,
    moderation: Option<String>,
    moderation_file: Option<PathBuf>,
    aliases: Option<BTreeMap<String, Names>>,
}

/// One model or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        match names {
            Names::One(name) => list(&name),
            Names::Several(names) => names.iter().flat_map(|name| list(name)).collect(),
        }
    }
}

/// The models that `raw` speaks of; none on a dry run that names no service.
pub(super) fn read(raw: Raw, data_dir: &Path, dry_run: bool, faults: &mut Vec<Fault>) -> Option<Model> {
    let litellm_url = url("LITELLM_URL", raw.litellm_url.as_deref(), faults);
    let base_url = url("LLM_BASE_URL", raw.llm_base_url.as_deref(), faults);
    let is_proxy = litellm_url.is_some();
    let default_models = list(raw.llm_model.as_deref().unwrap_or_default());
    let aliases: BTreeMap<String, Vec<String>> =
        raw.aliases.unwrap_or_default().into_iter().map(|(alias, names)| (alias, names.into())).collect();
    let prices = table("PRICES_FILE", raw.prices_file.as_deref(), Prices::built_in, Prices::from_toml, faults);
    let caps = SpendCaps {
        per_task: cap("SPEND_PER_TASK_USD", raw.spend_per_task_usd.as_deref(), CAPS_USD[0], faults),
        per_student_day: cap(
            "SPEND_PER_STUDENT_DAY_USD",
            raw.spend_per_student_day_usd.as_deref(),
            CAPS_USD[1],
            faults,
        ),
        per_day: cap("SPEND_PER_DAY_USD", raw.spend_per_day_usd.as_deref(), CAPS_USD[2], faults),
    };
    let cache = cache(raw.llm_cache.as_deref(), data_dir, faults);
    let hedge_after = hedge(raw.llm_hedge.as_deref(), faults);
    let openai = || raw.llm_api_key.is_some().then(|| Url::parse(OPENAI_URL).ok()).flatten();
    let Some(base_url) = litellm_url.or(base_url).or_else(openai) else {
        if !dry_run {
            let why = "writes the sites; a key of an OpenAI-compatible service (or set LITELLM_URL or LLM_BASE_URL for \
                       one without a key)";
            missing("LLM_API_KEY", why, faults);
            if default_models.is_empty() && aliases.is_empty() {
                missing("LLM_MODEL", WHAT_MODEL, faults);
            }
        }
        return None;
    };
    check_aliases(&aliases, faults);
    // A LiteLLM proxy may know the aliases itself; any other service is asked for a model by name.
    let all_named = ALIASES.iter().all(|alias| aliases.contains_key(*alias));
    if default_models.is_empty() && !all_named && !is_proxy {
        missing("LLM_MODEL", WHAT_MODEL, faults);
    }
    Some(Model {
        base_url,
        api_key: raw.llm_api_key,
        aliases: if is_proxy && default_models.is_empty() { with_own_names(aliases) } else { aliases },
        default_models,
        prompts_dir: raw.prompts_dir,
        prices: prices?,
        caps,
        cache,
        hedge_after,
    })
}

fn check_aliases(aliases: &BTreeMap<String, Vec<String>>, faults: &mut Vec<Fault>) {
    let known = || ALIASES.into_iter().chain(OPTIONAL_ALIASES);
    let unknown: Vec<_> = aliases.keys().filter(|name| !known().any(|alias| alias == *name)).cloned().collect();
    if !unknown.is_empty() {
        let known = known().collect::<Vec<_>>().join(", ");
        wrong("ALIASES", &format!("only {known} as names, not {}", unknown.join(", ")), faults);
    }
    if aliases.values().any(Vec::is_empty) {
        wrong("ALIASES", "a model for each alias", faults);
    }
}

fn with_own_names(mut aliases: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    for alias in ALIASES {
        aliases.entry(alias.to_owned()).or_insert_with(|| vec![alias.to_owned()]);
    }
    aliases
}

/// Names of models have no commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What no site is made from, whoever writes it.
pub(super) fn moderation(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Moderation> {
    let text = raw.moderation.as_deref();
    if text.is_some() && !flag("MODERATION", text, faults) {
        return Some(Moderation::off());
    }
    let file = raw.moderation_file.as_deref();
    table("MODERATION_FILE", file, Moderation::built_in, Moderation::from_toml, faults)
}

/// The table of the file at `path`, or the one that is built in.
fn table<T, E: std::error::Error>(
    name: &'static str,
    path: Option<&Path>,
    built_in: impl Fn() -> Result<T, E>,
    read: impl Fn(&str) -> Result<T, E>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let mut fault = |place: &dyn Display, why: String| {
        faults.push(Fault { name, detail: format!("wrong: {place} cannot be read: {}", why.trim_end()) });
    };
    let Some(path) = path else {
        return built_in().map_err(|error| fault(&"the built-in table", ports::ErrorChain(&error).to_string())).ok();
    };
    let text = std::fs::read_to_string(path).map_err(|error| fault(&path.display(), error.to_string())).ok()?;
    read(&text).map_err(|error| fault(&path.display(), ports::ErrorChain(&error).to_string())).ok()
}

/// Millionths of a dollar; `None` for `off`.
fn cap(name: &'static str, text: Option<&str>, default: f64, faults: &mut Vec<Fault>) -> Option<u64> {
    const DEAREST: f64 = 1_000_000.0;
    let usd = match text.map(str::trim) {
        Some("off") => return None,
        None => default,
        Some(text) => match text.parse::<f64>().ok().filter(|usd| (0.0..=DEAREST).contains(usd)) {
            Some(usd) => usd,
            None => {
                wrong(name, "an amount of US dollars from 0 to 1000000, or `off`", faults);
                default
            }
        },
    };
    Some((usd * 1_000_000.0).round() as u64)
}

/// Where answers are kept, whether or not they are now.
#[must_use]
pub fn answers_kept_in(data_dir: &Path) -> PathBuf {
    data_dir.join("llm-cache")
}

fn cache(text: Option<&str>, data_dir: &Path, faults: &mut Vec<Fault>) -> CacheMode {
    let folder = answers_kept_in(data_dir);
    match text {
        None | Some("off") => CacheMode::Off,
        Some("read-write") => CacheMode::ReadWrite { folder },
        Some("replay") => CacheMode::Replay { folder },
        Some(_) => {
            wrong("LLM_CACHE", "`off`, `read-write` or `replay`", faults);
            CacheMode::Off
        }
    }
}

fn hedge(text: Option<&str>, faults: &mut Vec<Fault>) -> Option<f32> {
    match text.map(str::trim) {
        None => Some(HEDGE_AFTER),
        Some("off") => None,
        Some(text) => {
            let share = text.parse::<f32>().ok().filter(|share| (0.05..=0.95).contains(share));
            if share.is_none() {
                wrong("LLM_HEDGE", "a share from 0.05 to 0.95, or `off`", faults);
            }
            share
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: Raw) -> Result<Model, Vec<String>> {
        let mut faults = Vec::new();
        let raw = Raw { llm_base_url: Some("http://127.0.0.1:9/v1/".to_owned()), ..raw };
        let model = read(raw, Path::new("data"), false, &mut faults);
        model.filter(|_| faults.is_empty()).ok_or(faults.into_iter().map(|fault| fault.name.to_owned()).collect())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn models_are_chains_with_caps_a_cache_and_a_hedge() {
        let plain = check(Raw { llm_model: some("a, b,"), ..Raw::default() }).unwrap();
        assert_eq!(plain.default_models, ["a", "b"]);
        let caps = |task, student, day| SpendCaps { per_task: task, per_student_day: student, per_day: day };
        assert_eq!(plain.caps, caps(Some(5_000_000), Some(20_000_000), Some(200_000_000)));
        assert_eq!((plain.cache, plain.hedge_after), (CacheMode::Off, Some(0.4)));

        let aliases = toml::from_str("app-generator = \"a\"\napp-reviser = [\"b\", \"c\"]").unwrap();
        let set = check(Raw {
            aliases: Some(aliases),
            spend_per_task_usd: some("0.25"),
            spend_per_day_usd: some("off"),
            llm_cache: some("replay"),
            llm_hedge: some("off"),
            ..Raw::default()
        })
        .unwrap();
        assert_eq!((&set.aliases["app-generator"], &set.aliases["app-reviser"]), (&list("a"), &list("b,c")));
        assert_eq!(set.caps, caps(Some(250_000), Some(20_000_000), None));
        assert_eq!(set.cache, CacheMode::Replay { folder: Path::new("data").join("llm-cache") });
        assert_eq!(set.hedge_after, None);
    }

    #[test]
    fn what_cannot_be_meant_is_a_fault() {
        let raw = Raw {
            llm_model: some("m"),
            spend_per_task_usd: some("-1"),
            spend_per_student_day_usd: some("much"),
            spend_per_day_usd: some("NaN"),
            llm_cache: some("on"),
            llm_hedge: some("1"),
            prices_file: Some("/nonexistent/prices.toml".into()),
            ..Raw::default()
        };
        let expected = [
            "PRICES_FILE",
            "SPEND_PER_TASK_USD",
            "SPEND_PER_STUDENT_DAY_USD",
            "SPEND_PER_DAY_USD",
            "LLM_CACHE",
            "LLM_HEDGE",
        ];
        assert_eq!(check(raw).unwrap_err(), expected);
    }

    #[test]
    fn moderation_is_on_unless_it_is_off() {
        let objects = |text: Option<&str>| {
            let raw = Raw { moderation: text.map(str::to_owned), ..Raw::default() };
            let rules = moderation(&raw, &mut Vec::new()).unwrap();
            ports::Moderator::objects_to_brief(&rules, "Show how to make a pipe bomb").is_some()
        };
        assert_eq!([objects(None), objects(Some("on")), objects(Some("off"))], [true, true, false]);
        let (raw, mut faults) = (Raw { moderation: some("perhaps"), ..Raw::default() }, Vec::new());
        moderation(&raw, &mut faults);
        assert_eq!(faults.iter().map(|fault| fault.name).collect::<Vec<_>>(), ["MODERATION"]);
    }
}
