//! Clouds and hosting.

use super::{Rule, named, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("aws_access_key_id", "AWS access key id", &["AKIA", "ASIA", "ABIA", "ACCA"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    rule("aws_secret_access_key", "AWS secret access key", &["aws"], named!(r"aws[_.-]?(?:secret[_.-]?(?:access[_.-]?)?key|secret)", r"[A-Za-z0-9/+]{40}")).min_entropy(3.5),
    rule("aws_bedrock_key", "Amazon Bedrock key", &["ABSK"], r"\bABSK[A-Za-z0-9+/]{100,270}={0,2}"),
    // A web app of Firebase names its key to every visitor; the project's rules protect it.
    rule("google_api_key", "Google API key", &["AIza"], r"\bAIza[A-Za-z0-9_-]{35}").public_near(&["authDomain", "firebaseapp", "firebaseConfig", "messagingSenderId"]),
    rule("google_oauth_secret", "Google OAuth client secret", &["GOCSPX-"], r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    rule("google_access_token", "Google OAuth access token", &["ya29."], r"\bya29\.[A-Za-z0-9_-]{20,}"),
    rule("google_service_account", "Google service account", &["private_key_id"], named!(r"private_key_id", r"[a-f0-9]{40}")),
    rule("azure_storage_key", "Azure storage key", &["AccountKey"], r"\bAccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    rule("azure_shared_access_key", "Azure shared access key", &["SharedAccessKey"], r"\bSharedAccessKey=(?P<secret>[A-Za-z0-9+/]{43}=)"),
    rule("azure_sas", "Azure shared access signature", &["sig="], r"\bsig=(?P<secret>[A-Za-z0-9+/]{43}=|[A-Za-z0-9%]{43,90}%3[dD])").min_entropy(3.5),
    rule("azure_client_secret", "Azure AD client secret", &["Q~"], r"(?:^|[^\w.~-])(?P<secret>[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})"),
    rule("azure_devops_token", "Azure DevOps token", &["AZDO"], r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"),
    rule("alibaba_access_key_id", "Alibaba Cloud access key id", &["LTAI"], r"\bLTAI[A-Za-z0-9]{16,24}\b").min_entropy(3.0),
    rule("tencent_secret_id", "Tencent Cloud secret id", &["AKID"], r"\bAKID[A-Za-z0-9]{32}\b"),
    rule("yandex_api_key", "Yandex Cloud key", &["AQVN"], r"\bAQVN[A-Za-z0-9_-]{35,38}"),
    rule("cloudflare_origin_key", "Cloudflare origin CA key", &["v1.0-"], r"\bv1\.0-[a-f0-9]{24}-[a-f0-9]{146}\b"),
    rule("cloudflare_token", "Cloudflare token", &["cloudflare", "cf_api", "cf-api"], named!(r"(?:cloudflare|cf[_-]api)", r"(?:[A-Za-z0-9_-]{40}|[a-f0-9]{37})")).min_entropy(3.3),
    rule("fastly_token", "Fastly token", &["fastly"], named!(r"fastly", r"[A-Za-z0-9_-]{32}")).min_entropy(3.5),
    rule("digitalocean_token", "DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    rule("heroku_key", "Heroku key", &["HRKU-"], r"\bHRKU-[A-Za-z0-9_-]{30,}"),
    rule("netlify_token", "Netlify token", &["nfp_"], r"\bnfp_[A-Za-z0-9]{36,}\b"),
    rule("vercel_token", "Vercel token", &["vercel"], named!(r"vercel[_.-]?(?:api[_.-]?)?(?:access[_.-]?)?token", r"[A-Za-z0-9]{24}")).min_entropy(3.0),
    rule("vercel_blob_token", "Vercel blob token", &["vercel_blob_rw_"], r"\bvercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30,}\b"),
    rule("render_key", "Render key", &["rnd_"], r"\brnd_[A-Za-z0-9]{32}\b"),
    rule("fly_token", "Fly.io token", &["fo1_", "fm2_"], r"\b(?:fo1_[A-Za-z0-9_-]{43}|fm2_[A-Za-z0-9+/]{100,}={0,3})"),
    rule("scalingo_token", "Scalingo token", &["tk-us-"], r"\btk-us-[A-Za-z0-9_-]{48}"),
    rule("supabase_key", "Supabase key", &["sbp_", "sb_secret_"], r"\b(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})"),
    rule("planetscale_token", "PlanetScale token", &["pscale_"], r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"),
    rule("neon_key", "Neon key", &["napi_"], r"\bnapi_[a-z0-9]{60,70}\b"),
    rule("databricks_token", "Databricks token", &["dapi"], r"\bdapi[a-f0-9]{32}(?:-[0-9])?\b"),
];
