//! What calls cost: a table of prices with a version, and what becomes of models that are not in it.

use std::collections::BTreeMap;

use ports::Usage;
use serde::Deserialize;

/// Endings of a model's name that set the effort and not the price.
const EFFORTS: [&str; 6] = ["-none", "-minimal", "-low", "-medium", "-high", "-xhigh"];

/// The table; `configs/prices.toml` is the one that is built in and documents the form.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Stands in every row that was priced by this table.
    version: String,
    /// By the name that the service gives the model, without a provider before it or a date behind it.
    models: BTreeMap<String, Price>,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    input: f64,
    /// Input that the service had in its cache; as `input` when absent.
    cached_input: Option<f64>,
    output: f64,
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Millionths of a US dollar, rounded up; at the dearest known prices for a model that has none.
    pub(crate) micro_usd: u64,
    /// Whether the model has a price.
    pub(crate) is_priced: bool,
}

/// A text that is no table of prices.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is not of the form.
    #[error("read the table of prices")]
    Form(#[source] Box<toml::de::Error>),
    /// A price is negative, or no number.
    #[error("the price of {model} is not a number of US dollars for a million tokens")]
    Price {
        /// Whose.
        model: String,
    },
    /// It has no version, or no model.
    #[error("the table of prices has no version, or no model")]
    Empty,
}

impl Prices {
    /// Reads a table as TOML.
    ///
    /// # Errors
    /// The text is not of the form that `configs/prices.toml` has.
    pub fn from_toml(text: &str) -> Result<Self, PricesError> {
        let prices: Self = toml::from_str(text).map_err(|error| PricesError::Form(Box::new(error)))?;
        if prices.version.is_empty() || prices.models.is_empty() {
            return Err(PricesError::Empty);
        }
        let sound = |price: &Price| {
            [price.input, price.cached_input.unwrap_or(0.0), price.output]
                .iter()
                .all(|usd| usd.is_finite() && *usd >= 0.0)
        };
        match prices.models.iter().find(|(_, price)| !sound(price)) {
            Some((model, _)) => Err(PricesError::Price { model: model.clone() }),
            None => Ok(prices),
        }
    }

    /// The table that is built in.
    ///
    /// # Errors
    /// Never for the table that is checked in; a test holds it.
    pub fn built_in() -> Result<Self, PricesError> {
        Self::from_toml(include_str!("../../../configs/prices.toml"))
    }

    /// The version, when `model` is in the table.
    pub(crate) fn version_for(&self, model: &str) -> Option<&str> {
        self.price(model).map(|_| self.version.as_str())
    }

    /// What `usage` of `model` comes to.
    pub(crate) fn count(&self, model: &str, usage: Usage) -> Counted {
        match self.price(model) {
            Some(price) => Counted { micro_usd: price.of(usage), is_priced: true },
            None => Counted {
                micro_usd: self.models.values().map(|price| price.of(usage)).max().unwrap_or(0),
                is_priced: false,
            },
        }
    }

    fn price(&self, model: &str) -> Option<&Price> {
        let bare = model.rsplit_once("::").map_or(model, |(_, name)| name);
        let no_effort = EFFORTS.iter().find_map(|effort| bare.strip_suffix(effort)).unwrap_or(bare);
        let names = [model, bare, no_effort].into_iter();
        let names = names.chain(no_effort.rsplit_once('/').map(|(_, name)| name));
        names.flat_map(|name| [name, undated(name)]).find_map(|name| self.models.get(name))
    }
}

impl Price {
    fn of(&self, usage: Usage) -> u64 {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        // A price for a million tokens in dollars is one for a token in millionths of a dollar.
        let micro_usd = fresh as f64 * self.input
            + cached as f64 * self.cached_input.unwrap_or(self.input)
            + usage.output_tokens as f64 * self.output;
        (micro_usd - ROUNDING).ceil().max(0.0) as u64
    }
}

/// Far below a millionth of a dollar, far above what sums of such numbers are off by.
const ROUNDING: f64 = 1e-6;

/// `name` without the date of its version: `-2025-08-07` or `-20250807`.
fn undated(name: &str) -> &str {
    let is_date = |text: &str| text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    [11, 9]
        .into_iter()
        .filter_map(|length| name.split_at_checked(name.len().checked_sub(length)?))
        .find(|(_, date)| date.starts_with('-') && is_date(&date[1..]))
        .map_or(name, |(bare, _)| bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, cached_input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, cached_input_tokens, output_tokens }
    }

    #[test]
    fn a_call_costs_what_the_table_says() {
        let prices = Prices::from_toml(
            "version = \"p-1\"\n[models.small]\ninput = 0.25\ncached_input = 0.025\noutput = 2.0\n\
             [models.large]\ninput = 15.0\noutput = 75.0\n",
        )
        .unwrap();
        let priced = |micro_usd| Counted { micro_usd, is_priced: true };
        for (model, usage, expected) in [
            ("small", usage(1_000_000, 0, 0), priced(250_000)),
            ("small", usage(1_000, 400, 500), priced(1160)),
            ("small", usage(1, 0, 0), priced(1)),
            ("small", usage(0, 0, 0), priced(0)),
            ("small", usage(1, 9, 0), priced(1)),
            ("large", usage(2, 1, 1), priced(105)),
            ("vendor/small-2025-08-07", usage(4, 0, 0), priced(1)),
            ("openai::small-20250807", usage(4, 0, 0), priced(1)),
            ("small-high", usage(4, 0, 0), priced(1)),
            ("unknown", usage(2, 1, 1), Counted { micro_usd: 105, is_priced: false }),
        ] {
            assert_eq!(prices.count(model, usage), expected, "{model} {usage:?}");
        }
        assert_eq!((prices.version_for("small"), prices.version_for("unknown")), (Some("p-1"), None));
    }

    #[test]
    fn the_built_in_table_is_sound_and_others_are_held_to_its_form() {
        assert!(Prices::built_in().unwrap().version_for("gpt-5-mini").is_some());
        for wrong in [
            "",
            "version = \"1\"\n[models]",
            "version = \"1\"\n[models.m]\ninput = 1.0",
            "version = \"1\"\n[models.m]\ninput = -1.0\noutput = 1.0",
            "version = \"1\"\n[models.m]\ninput = nan\noutput = 1.0",
            "version = \"1\"\n[models.m]\ninput = 1.0\noutput = 1.0\nimage = 1.0",
        ] {
            assert!(Prices::from_toml(wrong).is_err(), "{wrong}");
        }
    }
}
