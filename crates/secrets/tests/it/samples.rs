//! Texts that are secrets and texts that are not. Secrets are put together at run time, so that
//! this file holds none.

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &str = "123456789";

pub(crate) struct Sample {
    pub(crate) kind: &'static str,
    /// The text around the secret too.
    pub(crate) text: String,
    /// What must not be left.
    pub(crate) secret: String,
}

/// `count` characters of `alphabet`, the same each time.
fn fill(alphabet: &str, count: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    // Steps of a prime walk through the whole alphabet.
    (0..count).map(|i| letters[(i * 29 + i / 7 + 11) % letters.len()]).collect()
}

pub(crate) fn student_secret() -> String {
    ["open ", "sesame ", "2026"].concat()
}

pub(crate) fn own_secret() -> String {
    ["deploy", "ment", "-", "token"].concat()
}

pub(crate) fn github_token() -> String {
    ["gh", "p_", &fill(ALNUM, 36)].concat()
}

/// At least one of each kind in the table.
pub(crate) fn samples() -> Vec<Sample> {
    let (a, h) = (|n| fill(ALNUM, n), |n| fill(HEX, n));
    let whole = |kind, parts: &[&str]| Sample { kind, text: parts.concat(), secret: parts.concat() };
    let inside = |kind, before: &str, secret: &str, after: &str| Sample {
        kind,
        text: [before, secret, after].concat(),
        secret: secret.to_owned(),
    };
    let jwt = ["ey", "J", &a(20), ".ey", "J", &a(30), ".", &a(40)].concat();
    let pem = |label: &str| {
        let (begin, end) = (["-----BEG", "IN "].concat(), ["-----E", "ND "].concat());
        format!("{begin}{label}-----\n{}\n{}\n{end}{label}-----", a(64), a(48))
    };
    vec![
        whole("github_token", &["gh", "p_", &a(36)]),
        whole("github_token", &["gh", "o_", &a(36)]),
        whole("github_token", &["gh", "u_", &a(36)]),
        whole("github_token", &["gh", "s_", &a(36)]),
        whole("github_token", &["gh", "r_", &a(76)]),
        whole("github_fine_grained_token", &["github", "_pat_", &a(22), "_", &a(59)]),
        whole("gitlab_token", &["gl", "pat-", &a(20)]),
        whole("npm_token", &["np", "m_", &a(36)]),
        whole("pypi_token", &["pyp", "i-AgE", &a(120)]),
        whole("crates_io_token", &["ci", "o", &a(32)]),
        whole("rubygems_key", &["ruby", "gems_", &h(48)]),
        whole("docker_hub_token", &["dckr", "_pat_", &a(27)]),
        whole("atlassian_token", &["ATA", "TT3", &a(180)]),
        whole("postman_key", &["PM", "AK-", &h(24), "-", &h(34)]),
        whole("aws_access_key_id", &["AK", "IA", &fill(UPPER, 16)]),
        whole("aws_access_key_id", &["AS", "IA", &fill(UPPER, 16)]),
        inside("aws_secret_access_key", "aws_secret_access_key = ", &a(40), "\n"),
        inside("aws_secret_access_key", "awsSecretKey: '", &a(40), "'"),
        whole("google_api_key", &["AI", "za", &a(35)]),
        whole("google_oauth_secret", &["GOC", "SPX-", &a(28)]),
        whole("google_access_token", &["ya", "29.", &a(60)]),
        inside("azure_storage_key", "AccountName=x;AccountKey=", &[&a(86), "=="].concat(), ";"),
        whole("digitalocean_token", &["dop", "_v1_", &h(64)]),
        whole("heroku_key", &["HR", "KU-", &a(36)]),
        whole("netlify_token", &["nf", "p_", &a(36)]),
        whole("supabase_key", &["sb", "p_", &h(40)]),
        whole("supabase_key", &["sb", "_secret_", &a(31)]),
        whole("planetscale_token", &["pscale", "_tkn_", &a(43)]),
        whole("databricks_token", &["da", "pi", &h(32)]),
        whole("grafana_token", &["gl", "sa_", &a(32), "_", &h(8)]),
        whole("newrelic_key", &["NR", "AK-", &fill(UPPER, 27)]),
        whole("vault_token", &["hv", "s.", &a(95)]),
        whole("anthropic_key", &["sk-", "ant-api03-", &a(93), "AA"]),
        whole("openai_key", &["sk-", "proj-", &a(74), "T3Blbk", "FJ", &a(74)]),
        whole("model_api_key", &["sk", "-", &a(20), "T3Blbk", "FJ", &a(20)]),
        whole("model_api_key", &["sk", "-", &h(32)]),
        whole("openrouter_key", &["sk-", "or-v1-", &h(64)]),
        whole("huggingface_token", &["h", "f_", &a(34)]),
        whole("groq_key", &["gs", "k_", &a(52)]),
        whole("xai_key", &["xa", "i-", &a(80)]),
        whole("perplexity_key", &["ppl", "x-", &a(48)]),
        whole("replicate_token", &["r", "8_", &a(37)]),
        whole("slack_token", &["xo", "xb-", &fill(DIGITS, 12), "-", &fill(DIGITS, 12), "-", &a(24)]),
        whole("slack_app_token", &["xa", "pp-1-", &fill(UPPER, 11), "-", &fill(DIGITS, 13), "-", &h(64)]),
        whole("slack_webhook", &["https://hooks.", "slack.com/services/T", &a(8), "/B", &a(8), "/", &a(24)]),
        whole("discord_webhook", &["https://", "discord.com/api/webhooks/", &fill(DIGITS, 18), "/", &a(68)]),
        whole("telegram_bot_token", &[&fill(DIGITS, 10), ":", "AA", &a(33)]),
        whole("twilio_key", &["S", "K", &h(32)]),
        whole("sendgrid_key", &["S", "G.", &a(22), ".", &a(43)]),
        whole("mailgun_key", &["ke", "y-", &h(32)]),
        whole("mailchimp_key", &[&h(32), "-u", "s14"]),
        whole("stripe_key", &["sk", "_live_", &a(24)]),
        whole("stripe_key", &["rk", "_test_", &a(99)]),
        whole("stripe_webhook_secret", &["wh", "sec_", &a(32)]),
        whole("square_token", &["sq", "0atp-", &a(22)]),
        whole("shopify_token", &["shp", "at_", &h(32)]),
        whole("notion_token", &["nt", "n_", &a(46)]),
        whole("linear_key", &["lin", "_api_", &a(40)]),
        whole("age_secret_key", &["AGE-", "SECRET-KEY-1", &fill(UPPER, 58)]),
        whole("private_key", &[&pem("PRIVATE KEY")]),
        whole("private_key", &[&pem("RSA PRIVATE KEY")]),
        whole("private_key", &[&pem("OPENSSH PRIVATE KEY")]),
        whole("private_key", &[&pem("PGP PRIVATE KEY BLOCK")]),
        inside("private_key", "", pem("EC PRIVATE KEY").rsplit_once('\n').map_or("", |(cut, _)| cut), "\n"),
        whole("private_key", &[&pem("PRIVATE KEY").replace('\n', "\\n")]),
        whole("jwt", &[&jwt]),
        inside("authorization_header", "headers: { Authorization: 'Bearer ", &a(40), "' }"),
        inside("authorization_header", "curl -H 'authorization: Basic ", &a(32), "=='"),
        inside("connection_string", "postgres://app:", "hunter2", "@db.internal:5432/app"),
        inside("connection_string", "mongodb+srv://root:", "pä55!", "@cluster0.mongodb.net"),
        inside("connection_string", "redis://:", "s3cr3t", "@127.0.0.1:6379"),
        inside("connection_string", "https://me:", "hunter2", "@example.com/feed"),
        whole("own_secret", &[&own_secret()]),
        whole("own_secret", &[&student_secret()]),
        whole("own_secret", &["6465706c6f796d65", "6e742d746f6b656e"]),
    ]
}

/// What good pages hold.
pub(crate) const INNOCENT: &[&str] = &[
    "",
    "plain words, naïve café, 日本語",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "0199c0de-0000-7000-8000-000000000001",
    "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
    "!function(e,t){\"object\"==typeof exports?module.exports=t():e.sk_live=t()}(this,function(){var a=b.c,SG=d.e});",
    ".sk-folding-cube{width:40px}.sk-chase-dot:before{content:\"\"} .key-value{color:#fff}",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/css/bootstrap.min.css",
    "https://example.com:8080/a@b https://user@example.com/ mailto:a:b@example.com ssh://git@github.com:22/x",
    "postgres://user:password@localhost/db postgres://user:${DB_PASSWORD}@db/app mysql://u:<password>@h redis://:***@h",
    "Authorization: Bearer YOUR_TOKEN_GOES_IN_THIS_PLACE",
    "Authorization: `Bearer ${token.value.of.the.user}`",
    "Keys begin with ghp_ or github_pat_; AWS documents AKIAIOSFODNN7EXAMPLE.",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "A PEM file begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----.",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n-----END PUBLIC KEY-----",
    "10:30:00 12345678:AAPL 1234567890:AA",
    "task_id=01JD3T0M4QZ8V5W9R2K7XH1C6N trace=4bf92f3577b34da6a3ce929d0e0e4736",
    "monkey-0123456789abcdef0123456789abcdef",
];

/// Long rows of hexadecimal and base64 digits, as in hashes, source maps and pictures.
pub(crate) fn innocent_by_the_thousand() -> Vec<String> {
    // xorshift64: enough disorder for a test, and the same each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 64).unwrap()
    };
    let base64: Vec<char> = format!("{ALNUM}+/").chars().collect();
    let hex: Vec<char> = HEX.chars().collect();
    let picture = (0..200_000).map(|_| base64[next()]).collect();
    let digests = (0..2000).map(|_| (0..64).map(|_| hex[next() % 16]).chain([' ']).collect::<String>()).collect();
    vec![picture, digests]
}
