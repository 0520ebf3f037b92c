//! What foreign secrets look like: data only.
//!
//! Patterns follow the formats that the providers publish or register with GitHub's secret
//! scanning. They are ASCII, and a group named `secret` narrows the finding to the part that is
//! secret. A rule without a telling prefix needs telling neighbours: a wrong alarm keeps a good
//! page from being published.

/// One kind of secret.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Name in findings.
    pub(crate) kind: &'static str,
    /// A regular expression over bytes.
    pub(crate) pattern: &'static str,
}

const fn rule(kind: &'static str, pattern: &'static str) -> Rule {
    Rule { kind, pattern }
}

pub(crate) const RULES: &[Rule] = &[
    // Code and packages.
    rule("github_token", r"\bgh[opsur]_[A-Za-z0-9]{36,255}\b"),
    rule("github_fine_grained_token", r"\bgithub_pat_[A-Za-z0-9_]{40,255}\b"),
    rule("gitlab_token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,}"),
    rule("npm_token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    rule("pypi_token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    rule("crates_io_token", r"\bcio[A-Za-z0-9]{32}\b"),
    rule("rubygems_key", r"\brubygems_[a-f0-9]{48}\b"),
    rule("docker_hub_token", r"\bdckr_[po]at_[A-Za-z0-9_-]{27,}"),
    rule("atlassian_token", r"\bATATT3[A-Za-z0-9_=-]{100,}"),
    rule("postman_key", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    // Clouds and hosting.
    rule("aws_access_key_id", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    rule(
        "aws_secret_access_key",
        r#"(?i:aws_?secret_?(?:access_?)?key)["']?\s*[:=]\s*["']?(?P<secret>[A-Za-z0-9/+]{40})\b"#,
    ),
    rule("google_api_key", r"\bAIza[A-Za-z0-9_-]{35}"),
    rule("google_oauth_secret", r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    rule("google_access_token", r"\bya29\.[A-Za-z0-9_-]{20,}"),
    rule("azure_storage_key", r"\bAccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    rule("digitalocean_token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    rule("heroku_key", r"\bHRKU-[A-Za-z0-9_-]{30,}"),
    rule("netlify_token", r"\bnfp_[A-Za-z0-9]{36,}\b"),
    rule("supabase_key", r"\b(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})"),
    rule("planetscale_token", r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"),
    rule("databricks_token", r"\bdapi[a-f0-9]{32}\b"),
    rule("grafana_token", r"\bglsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b"),
    rule("newrelic_key", r"\bNRAK-[A-Z0-9]{27}\b"),
    rule("vault_token", r"\bhvs\.[A-Za-z0-9_-]{90,}"),
    // Language models.
    rule("anthropic_key", r"\bsk-ant-[a-z]{3,5}[0-9]{2}-[A-Za-z0-9_-]{80,}"),
    rule("openai_key", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    // OpenAI's older keys, and LiteLLM, DeepSeek and others that copied the form.
    rule("model_api_key", r"\bsk-[A-Za-z0-9]{32,}\b"),
    rule("openrouter_key", r"\bsk-or-v1-[a-f0-9]{64}\b"),
    rule("huggingface_token", r"\bhf_[A-Za-z0-9]{34,}\b"),
    rule("groq_key", r"\bgsk_[A-Za-z0-9]{52}\b"),
    rule("xai_key", r"\bxai-[A-Za-z0-9]{80}\b"),
    rule("perplexity_key", r"\bpplx-[A-Za-z0-9]{48}\b"),
    rule("replicate_token", r"\br8_[A-Za-z0-9]{37}\b"),
    // Messages and money.
    rule("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}"),
    rule("slack_app_token", r"\bxapp-[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-[a-f0-9]{32,}\b"),
    rule("slack_webhook", r"\bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,}"),
    rule("discord_webhook", r"\bhttps://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[\w-]{60,}"),
    rule("telegram_bot_token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    rule("twilio_key", r"\bSK[a-f0-9]{32}\b"),
    rule("sendgrid_key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    rule("mailgun_key", r"\bkey-[a-f0-9]{32}\b"),
    rule("mailchimp_key", r"\b[a-f0-9]{32}-us[0-9]{1,2}\b"),
    rule("stripe_key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}\b"),
    rule("stripe_webhook_secret", r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    rule("square_token", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"),
    rule("shopify_token", r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}\b"),
    rule("notion_token", r"\bntn_[A-Za-z0-9]{46}\b"),
    rule("linear_key", r"\blin_api_[A-Za-z0-9]{40}\b"),
    // Anyone's.
    rule("age_secret_key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    // A header alone, as in a text about keys, is no key: some of its body must follow.
    rule(
        "private_key",
        concat!(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
            r"[\s\S]{0,300}?[A-Za-z0-9+/]{32}",
            r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)",
        ),
    ),
    rule("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    rule(
        "authorization_header",
        r#"(?i:authorization)["'`]?\s*[:=]\s*["'`]?(?i:basic|bearer)\s+(?P<secret>[A-Za-z0-9+/=._~-]{20,})"#,
    ),
    rule(
        "connection_string",
        concat!(
            r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|nats|s?ftp|https?)://",
            r#"[^\s:/?\x23@"'`<>(){}\\]{0,100}:(?P<secret>[^\s/?\x23@"'`<>(){}\\]{3,200})@[A-Za-z0-9\[]"#,
        ),
    ),
];
