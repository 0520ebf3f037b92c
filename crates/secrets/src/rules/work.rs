//! Tools of offices and design.

use super::{Rule, named, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("atlassian_token", "Atlassian token", &["ATATT3"], r"\bATATT3[A-Za-z0-9_=-]{100,}"),
    rule("trello_token", "Trello token", &["ATTA"], r"\bATTA[A-Za-z0-9]{72}\b").min_entropy(3.3),
    rule("notion_token", "Notion token", &["ntn_", "secret_"], r"\b(?:ntn_[A-Za-z0-9]{46}|secret_[A-Za-z0-9]{43})\b").min_entropy(3.5),
    rule("linear_key", "Linear key", &["lin_api_", "lin_oauth_"], r"\blin_(?:api_[A-Za-z0-9]{40}|oauth_[a-f0-9]{64})\b"),
    rule("asana_token", "Asana token", &["1/", "2/"], r"\b[12]/[0-9]{13,20}(?:/[0-9]{13,20})?:[a-f0-9]{32}\b"),
    rule("figma_token", "Figma token", &["figd_"], r"\bfigd_[A-Za-z0-9_-]{40}"),
    rule("typeform_token", "Typeform token", &["tfp_"], r"\btfp_[A-Za-z0-9_.=-]{59}"),
    rule("okta_token", "Okta token", &["okta", "SSWS"], named!(r"(?:okta|\bssws)", r"00[A-Za-z0-9_-]{40}")).min_entropy(3.5),
    rule("hubspot_token", "HubSpot token", &["pat-na", "pat-eu"], r"\bpat-(?:na|eu)[0-9]-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}\b"),
    rule("clickup_token", "ClickUp token", &["pk_"], r"\bpk_[0-9]{6,9}_[A-Z0-9]{32}\b"),
    rule("salesforce_token", "Salesforce access token", &["00D"], r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{90,}"),
    rule("zoho_token", "Zoho token", &["1000."], r"\b1000\.[a-f0-9]{32}\.[a-f0-9]{32}\b"),
    rule("adobe_secret", "Adobe client secret", &["p8e-"], r"\bp8e-[A-Za-z0-9_-]{32}"),
    rule("frameio_token", "Frame.io token", &["fio-u-"], r"\bfio-u-[A-Za-z0-9_=-]{64}"),
];
