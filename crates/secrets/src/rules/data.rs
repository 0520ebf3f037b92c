//! Data stores, search, maps, files, and what watches over services.

use super::{Rule, named, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("grafana_token", "Grafana token", &["glsa_", "glc_"], r"\b(?:glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b|glc_eyJ[A-Za-z0-9+/]{40,}={0,2})"),
    rule("newrelic_key", "New Relic key", &["NRAK-", "NRIQ-", "NRII-"], r"\b(?:NRAK-[A-Z0-9]{27}\b|NRI[QI]-[A-Za-z0-9_-]{32})"),
    rule("datadog_key", "Datadog key", &["datadog", "dd_api", "dd-api", "dd_app", "dd-application"], named!(r"(?:datadog|\bdd[_-](?:api|app))", r"(?:[a-f0-9]{32}|[a-f0-9]{40})")).min_entropy(3.0),
    rule("sentry_token", "Sentry token", &["sntrys_", "sntryu_"], r"\b(?:sntrys_eyJ[A-Za-z0-9+/]{40,}={0,2}_[A-Za-z0-9+/]{40,}|sntryu_[a-f0-9]{64}\b)"),
    rule("dynatrace_token", "Dynatrace token", &["dt0c01.", "dt0s01."], r"\bdt0[cs]01\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}\b"),
    rule("posthog_key", "PostHog personal key", &["phx_"], r"\bphx_[A-Za-z0-9_]{43,}"),
    rule("launchdarkly_key", "LaunchDarkly key", &["sdk-", "api-"], r"\b(?:sdk|api)-[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[a-f0-9]{4}-[a-f0-9]{12}\b"),
    // The key for searching is made for browsers; the one for writing is not.
    rule("algolia_admin_key", "Algolia admin key", &["algolia"], named!(r"algolia[\w.-]{0,20}(?:admin|write)", r"[a-f0-9]{32}")).min_entropy(3.0),
    rule("airtable_token", "Airtable token", &["pat"], r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b"),
    rule("mongodb_atlas_secret", "MongoDB Atlas service account secret", &["mdb_sa_sk_"], r"\bmdb_sa_sk_[A-Za-z0-9_-]{40}"),
    rule("pinecone_key", "Pinecone key", &["pcsk_"], r"\bpcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}\b"),
    rule("mapbox_secret_token", "Mapbox secret token", &["sk.eyJ"], r"\bsk\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}"),
    rule("contentful_token", "Contentful personal token", &["CFPAT-"], r"\bCFPAT-[A-Za-z0-9_-]{43}"),
    rule("dropbox_token", "Dropbox token", &["sl."], r"\bsl\.(?:u\.)?[A-Za-z0-9_-]{130,}"),
    rule("cloudinary_secret", "Cloudinary secret", &["cloudinary://"], r"\bcloudinary://[0-9]{10,20}:(?P<secret>[A-Za-z0-9_-]{20,40})@"),
    rule("adafruit_key", "Adafruit IO key", &["aio_"], r"\baio_[A-Za-z0-9]{28}\b"),
    rule("apify_token", "Apify token", &["apify_api_"], r"\bapify_api_[A-Za-z0-9]{34,40}\b"),
    rule("openweather_key", "OpenWeather key", &["appid", "openweather"], named!(r"(?:appid|openweather)", r"[a-f0-9]{32}")).min_entropy(3.0),
];
