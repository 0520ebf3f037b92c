//! The forms of secrets as their providers publish them, one line a form; `draw.rs` says what braces mean.
//!
//! A form is the secret, or `before|secret|after` where neighbours are part of what tells it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::Rng;

use super::draw;

/// A secret and the text that belongs to it.
#[derive(Debug, Clone)]
pub struct Example {
    /// As findings call it.
    pub kind: &'static str,
    /// The secret with its neighbours.
    pub text: String,
    /// What must not be left of it.
    pub secret: String,
}

#[rustfmt::skip]
const FORMS: &[(&str, &str)] = &[
    // Code and packages.
    ("github_token", "ghp_{a36}"), ("github_token", "gho_{a36}"), ("github_token", "ghu_{a36}"),
    ("github_token", "ghs_{a36}"), ("github_token", "ghr_{a76}"), ("github_fine_grained_token", "github_pat_{a22}_{a59}"),
    ("gitlab_token", "glpat-{w20}"), ("gitlab_token", "glpat-{w27}.{l2}.{l9}"), ("gitlab_token", "gldt-{w20}"), ("gitlab_token", "glrt-{w20}"),
    ("bitbucket_app_password", "ATBB{a24}{H8}"), ("npm_token", "npm_{a36}"), ("pypi_token", "pypi-AgEIcHlwaS5vcmc{w150}"),
    ("crates_io_token", "cio{a32}"), ("rubygems_key", "rubygems_{h48}"), ("nuget_key", "oy2{l43}"), ("clojars_token", "CLOJARS_{h60}"),
    ("docker_hub_token", "dckr_pat_{w27}"), ("docker_hub_token", "dckr_oat_{w32}"), ("jfrog_key", "AKCp{a69}"),
    ("circleci_token", "CCIPAT_{a22}_{h40}"), ("buildkite_token", "bkua_{h40}"), ("sonarqube_token", "squ_{h40}"), ("sonarqube_token", "sqp_{h40}"),
    ("sourcegraph_token", "sgp_{h16}_{h40}"), ("sourcegraph_token", "sgp_{h40}"), ("doppler_token", "dp.pt.{a43}"), ("doppler_token", "dp.st.prd.{a43}"),
    ("pulumi_token", "pul-{h40}"), ("terraform_token", "{a14}.atlasv1.{a67}"), ("vault_token", "hvs.{w95}"), ("vault_token", "hvb.{w140}"),
    ("onepassword_token", "ops_eyJ{a400}"), ("age_secret_key", "AGE-SECRET-KEY-1{u58}"), ("postman_key", "PMAK-{h24}-{h34}"),
    ("readme_key", "rdme_{l70}"), ("prefect_key", "pnu_{a36}"),
    // Clouds.
    ("aws_access_key_id", "AKIA{x16}"), ("aws_access_key_id", "ASIA{x16}"), ("aws_secret_access_key", "aws_secret_access_key = |{b40}|"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY=|{b40}|"), ("aws_secret_access_key", "\"awsSecretKey\": \"|{b40}|\""), ("aws_bedrock_key", "ABSK{b132}"),
    ("google_api_key", "AIza{w35}"), ("google_oauth_secret", "GOCSPX-{w28}"), ("google_access_token", "ya29.{w120}"),
    ("google_service_account", "\"type\": \"service_account\", \"private_key_id\": \"|{h40}|\""),
    ("azure_storage_key", "AccountName=store;AccountKey=|{b86}==|;EndpointSuffix=core.windows.net"), ("azure_shared_access_key", "SharedAccessKeyName=all;SharedAccessKey=|{b43}=|"),
    ("azure_sas", "https://store.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig=|{a43}%3D|"), ("azure_client_secret", "{a3}8Q~{a34}"), ("azure_devops_token", "{a76}AZDO{a4}"),
    ("alibaba_access_key_id", "LTAI{a20}"), ("tencent_secret_id", "AKID{a32}"), ("yandex_api_key", "AQVN{w36}"), ("cloudflare_origin_key", "v1.0-{h24}-{h146}"),
    ("cloudflare_token", "CLOUDFLARE_API_TOKEN=|{a40}|"), ("fastly_token", "FASTLY_API_TOKEN=|{a32}|"), ("digitalocean_token", "dop_v1_{h64}"), ("digitalocean_token", "dor_v1_{h64}"),
    ("heroku_key", "HRKU-{U}"), ("heroku_key", "HRKU-AA{w58}"), ("netlify_token", "nfp_{a36}"), ("vercel_token", "VERCEL_TOKEN=|{a24}|"),
    ("vercel_blob_token", "vercel_blob_rw_{a16}_{a30}"), ("render_key", "rnd_{a32}"), ("fly_token", "fm2_lJPE{b200}"), ("scalingo_token", "tk-us-{w48}"),
    ("supabase_key", "sbp_{h40}"), ("supabase_key", "sb_secret_{w31}"), ("planetscale_token", "pscale_tkn_{w43}"), ("planetscale_token", "pscale_pw_{w43}"),
    ("neon_key", "napi_{l64}"), ("databricks_token", "dapi{h32}"), ("databricks_token", "dapi{h32}-2"),
    // Data.
    ("grafana_token", "glsa_{a32}_{h8}"), ("grafana_token", "glc_eyJ{a120}=="), ("newrelic_key", "NRAK-{u27}"), ("datadog_key", "DD_API_KEY=|{h32}|"), ("datadog_key", "\"datadog_app_key\": \"|{h40}|\""),
    ("sentry_token", "sntryu_{h64}"), ("sentry_token", "sntrys_eyJ{a140}=_{b43}"), ("dynatrace_token", "dt0c01.{x24}.{x64}"), ("posthog_key", "phx_{a44}"),
    ("launchdarkly_key", "sdk-{U}"), ("algolia_admin_key", "ALGOLIA_ADMIN_API_KEY=|{h32}|"), ("airtable_token", "pat{a14}.{h64}"), ("mongodb_atlas_secret", "mdb_sa_sk_{w40}"),
    ("pinecone_key", "pcsk_{a6}_{a63}"), ("mapbox_secret_token", "sk.eyJ1Ijoi{a80}.{a22}"), ("contentful_token", "CFPAT-{w43}"), ("dropbox_token", "sl.{w135}"), ("dropbox_token", "sl.u.{w250}"),
    ("cloudinary_secret", "cloudinary://{d15}:|{w27}|@demo"), ("adafruit_key", "aio_{a28}"), ("apify_token", "apify_api_{a36}"), ("openweather_key", "https://api.openweathermap.org/data/2.5/weather?q=Rome&appid=|{h32}|"),
    // Models.
    ("anthropic_key", "sk-ant-api03-{w93}AA"), ("anthropic_key", "sk-ant-admin01-{w93}AA"), ("openai_key", "sk-proj-{w74}T3BlbkFJ{w74}"), ("openai_key", "sk-svcacct-{w74}T3BlbkFJ{w74}"),
    ("model_api_key", "sk-{a20}T3BlbkFJ{a20}"), ("model_api_key", "sk-{h32}"), ("openrouter_key", "sk-or-v1-{h64}"), ("langfuse_key", "sk-lf-{U}"), ("huggingface_token", "hf_{a34}"),
    ("groq_key", "gsk_{a52}"), ("xai_key", "xai-{a80}"), ("perplexity_key", "pplx-{a48}"), ("replicate_token", "r8_{a37}"), ("cohere_key", "COHERE_API_KEY=|{a40}|"),
    ("mistral_key", "MISTRAL_API_KEY=|{a32}|"), ("fireworks_key", "fw_{a22}"), ("cerebras_key", "csk-{l48}"), ("nvidia_key", "nvapi-{w64}"), ("elevenlabs_key", "sk_{h48}"),
    ("jina_key", "jina_{h32}{a28}"), ("tavily_key", "tvly-dev-{a32}"), ("firecrawl_key", "fc-{h32}"), ("langsmith_key", "lsv2_pt_{h32}_{h10}"),
    // Messages.
    ("slack_token", "xoxb-{d12}-{d12}-{a24}"), ("slack_token", "xoxp-{d12}-{d12}-{d12}-{h32}"), ("slack_token", "xoxe.xoxp-1-{a146}"), ("slack_app_token", "xapp-1-A{u10}-{d13}-{h64}"),
    ("slack_webhook", "https://hooks.slack.com/services/T{u10}/B{u10}/{a24}"), ("teams_webhook", "https://school.webhook.office.com/webhookb2/{U}@{U}/IncomingWebhook/{h32}/{U}"),
    ("discord_webhook", "https://discord.com/api/webhooks/1{d17}/{w68}"), ("telegram_bot_token", "7{d9}:AA{w33}"), ("facebook_token", "EAA{a160}"),
    ("twitter_bearer_token", "AAAAAAAAAAAAAAAAAAAAA{a10}%2F{a8}%3D{a50}"), ("twilio_key", "SK{h32}"), ("twilio_auth_token", "TWILIO_AUTH_TOKEN=|{h32}|"), ("telnyx_key", "KEY0{H31}_{a22}"),
    ("sendgrid_key", "SG.{w22}.{w43}"), ("mailgun_key", "key-{h32}"), ("mailgun_private_key", "MAILGUN_API_KEY=|{h32}-{h8}-{h8}|"), ("mailchimp_key", "{h32}-us14"), ("brevo_key", "xkeysib-{h64}-{a16}"),
    ("resend_key", "re_{a8}_{a24}"), ("mandrill_key", "md-{a22}"),
    // Money.
    ("stripe_key", "sk_live_{a24}"), ("stripe_key", "sk_test_{a99}"), ("stripe_key", "rk_live_{a24}"), ("stripe_webhook_secret", "whsec_{a32}"), ("square_token", "sq0atp-{w22}"),
    ("square_token", "sq0csp-{w43}"), ("square_token", "EAAAl{w59}"), ("shopify_token", "shpat_{h32}"), ("shopify_token", "shpss_{h32}"), ("braintree_token", "access_token$production${l16}${h32}"),
    ("plaid_token", "access-production-{U}"), ("paddle_key", "pdl_live_apikey_{l26}_{a22}_{a3}"), ("flutterwave_key", "FLWSECK-{h32}-X"), ("easypost_key", "EZAK{a54}"),
    ("shippo_token", "shippo_live_{h40}"), ("duffel_token", "duffel_live_{w43}"),
    // Work.
    ("atlassian_token", "ATATT3xFfGF0{w170}={H8}"), ("trello_token", "ATTA{h64}{H8}"), ("notion_token", "ntn_{d11}{a35}"), ("notion_token", "secret_{a43}"), ("linear_key", "lin_api_{a40}"), ("linear_key", "lin_oauth_{h64}"),
    ("asana_token", "1/{d16}:{h32}"), ("asana_token", "2/{d16}/{d16}:{h32}"), ("figma_token", "figd_{w40}"), ("typeform_token", "tfp_{w59}"), ("okta_token", "OKTA_API_TOKEN=|00{w40}|"),
    ("hubspot_token", "pat-na1-{U}"), ("clickup_token", "pk_{d8}_{u32}"), ("salesforce_token", "00D{a12}!{a96}"), ("zoho_token", "1000.{h32}.{h32}"), ("adobe_secret", "p8e-{w32}"), ("frameio_token", "fio-u-{w64}"),
    // Anyone's.
    ("private_key", "-----BEGIN PRIVATE KEY-----\n{K64}\n-----END PRIVATE KEY-----"), ("private_key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{H32}\n\n{K64}\n-----END RSA PRIVATE KEY-----"),
    ("private_key", "-----BEGIN OPENSSH PRIVATE KEY-----\n{K70}\n-----END OPENSSH PRIVATE KEY-----"), ("private_key", "-----BEGIN EC PRIVATE KEY-----\n{K64}"),
    ("private_key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{K64}\n={b4}\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("putty_private_key", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPublic-Lines: 2\n{b64}\n{b16}\nPrivate-Lines: 1\n|{b64}|\nPrivate-MAC: {h64}"),
    ("jwt", "{J}"), ("authorization_header", "Authorization: Bearer |{a40}|"), ("authorization_header", "\"Authorization\": \"Basic |{a31}=|\""), ("authorization_header", "authorization: token |{h40}|"),
    ("connection_string", "postgres://app:|{p14}|@db.internal:5432/app"), ("connection_string", "postgresql+psycopg2://app:|{p14}|@db/app"), ("connection_string", "mysql://root:|{p10}|@10.0.0.5:3306/shop"), ("connection_string", "mongodb+srv://root:|{p12}|@cluster0.mongodb.net/test"),
    ("connection_string", "redis://:|{p20}|@cache:6379/0"), ("connection_string", "amqps://worker:|{p16}|@mq.internal/v"), ("connection_string", "https://me:|{p12}|@feeds.school.edu/new"),
    ("curl_password", "curl -X POST -u admin:|{a14}| https://example.org/hook"),
    ("assigned_secret", "const apiKey = '|{a32}|';"), ("assigned_secret", "\"client_secret\": \"|{w40}|\""), ("assigned_secret", "DB_PASSWORD=|{a20}|"), ("assigned_secret", "access_token: |{a48}|"),
    ("assigned_secret", "api_key=|{h32}|"), ("assigned_secret", "https://api.example.org/v1/items?token=|{a30}|&page=2"), ("assigned_secret", "SECRET_KEY = \"|{p40}|\""), ("assigned_secret", "auth_token => \"|{l36}|\""),
];

/// What the corpus takes for a secret of the deployment.
pub(super) fn own_secret() -> String {
    ["deployment", "-token-", "9q/4+z~k"].concat()
}

/// Each form once, filled anew.
pub fn examples(rng: &mut impl Rng) -> Vec<Example> {
    let mut examples: Vec<_> = FORMS.iter().map(|(kind, form)| example(kind, &draw::fill(rng, form))).collect();
    let bot = format!("{}.{}.{}", draw::id_in_base64(rng), draw::row(rng, 'w', 6), draw::row(rng, 'w', 38));
    examples.push(example("discord_bot_token", &bot));
    let own = own_secret();
    let forms = [
        own.clone(),
        hex::encode(&own),
        hex::encode_upper(&own),
        utf8_percent_encode(&own, NON_ALPHANUMERIC).to_string(),
    ];
    examples.extend(forms.map(|form| example("own_secret", &form)));
    for before in ["", "u", "u:"] {
        let joined = format!("{before}{own}!");
        examples.push(example("own_secret", &STANDARD.encode(&joined)));
        examples.push(example("own_secret", &URL_SAFE_NO_PAD.encode(&joined)));
    }
    examples
}

fn example(kind: &'static str, filled: &str) -> Example {
    let mut parts = filled.splitn(3, '|');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(before), Some(secret), after) => {
            let text = [before, secret, after.unwrap_or_default()].concat();
            Example { kind, text, secret: secret.to_owned() }
        }
        _ => Example { kind, text: filled.to_owned(), secret: filled.to_owned() },
    }
}
