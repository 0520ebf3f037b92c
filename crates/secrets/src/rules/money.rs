//! Payments, shops and parcels.

use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("stripe_key", "Stripe or Paystack secret key", &["sk_live_", "sk_test_", "rk_live_", "rk_test_"], r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}\b"),
    rule("stripe_webhook_secret", "Stripe or Svix webhook secret", &["whsec_"], r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    rule("square_token", "Square token", &["sq0atp-", "sq0csp-", "EAAA"], r"\b(?:sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|EAAA[lE][A-Za-z0-9_-]{59})"),
    rule("shopify_token", "Shopify token", &["shpat_", "shpca_", "shppa_", "shpss_"], r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}\b"),
    rule("braintree_token", "PayPal Braintree token", &["access_token$"], r"\baccess_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}\b"),
    rule("plaid_token", "Plaid token", &["access-sandbox-", "access-development-", "access-production-"], r"\baccess-(?:sandbox|development|production)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}\b"),
    rule("paddle_key", "Paddle key", &["pdl_"], r"\bpdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}\b"),
    rule("flutterwave_key", "Flutterwave key", &["FLWSECK"], r"\bFLWSECK(?:_TEST)?-[a-zA-Z0-9]{12,40}-X\b"),
    rule("easypost_key", "EasyPost key", &["EZAK", "EZTK"], r"\bEZ[AT]K[A-Za-z0-9]{54}\b"),
    rule("shippo_token", "Shippo token", &["shippo_"], r"\bshippo_(?:live|test)_[a-f0-9]{40}\b"),
    rule("duffel_token", "Duffel token", &["duffel_"], r"\bduffel_(?:test|live)_[A-Za-z0-9_-]{43}"),
];
