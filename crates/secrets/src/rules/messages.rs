//! Chat, mail, telephone, social networks.

use super::{Rule, named, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("slack_token", "Slack token", &["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe.xox", "xoxc-", "xoxd-"],
        r"\bxox(?:[abcdeoprs]-|e\.xox[bp]-)[A-Za-z0-9%-]{20,}"),
    rule("slack_app_token", "Slack app token", &["xapp-"], r"\bxapp-[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-[a-f0-9]{32,}\b"),
    rule("slack_webhook", "Slack webhook", &["hooks.slack.com"], r"\bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,}"),
    rule("teams_webhook", "Microsoft Teams webhook", &["webhook.office.com"], r"\bhttps://[a-z0-9-]{1,60}\.webhook\.office\.com/webhookb2/[a-f0-9@-]{70,75}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36}"),
    rule("discord_webhook", "Discord webhook", &["discord.com/api/webhooks", "discordapp.com/api/webhooks"], r"\bhttps://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[\w-]{60,}"),
    // It begins with the digits of the bot's id in base64, and every third byte of that tells.
    rule("discord_bot_token", "Discord bot token", &[], r"\b(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5,6}[A-Za-z0-9]{0,3}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    rule("telegram_bot_token", "Telegram bot token", &[":AA"], r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    // Zeros in base64 look alike, so none of its marks may stand around.
    rule("facebook_token", "Facebook token", &["EAA"], r"(?:^|[^\w+/-])(?P<secret>EAA[A-Za-z0-9]{90,400})(?:[^\w+/-]|$)").min_entropy(3.5),
    // They begin with zeros in base64 as well, so an escape must follow, as it does in all of these tokens.
    rule("twitter_bearer_token", "X (Twitter) bearer token", &["AAAAAAAAAAAAAAAAAAAA"], r"\bA{20,24}[A-Za-z0-9]{4,40}%[23][A-F0-9][A-Za-z0-9%]{30,}"),
    rule("twilio_key", "Twilio key", &["SK"], r"\bSK[a-f0-9]{32}\b").min_entropy(3.0),
    rule("twilio_auth_token", "Twilio auth token", &["twilio"], named!(r"twilio", r"[a-f0-9]{32}")).min_entropy(3.0),
    rule("telnyx_key", "Telnyx key", &["KEY0"], r"\bKEY0[A-F0-9]{31}_[A-Za-z0-9]{22}\b"),
    rule("sendgrid_key", "SendGrid key", &["SG."], r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    rule("mailgun_key", "Mailgun key", &["key-"], r"\bkey-[a-f0-9]{32}\b").min_entropy(3.0),
    rule("mailgun_private_key", "Mailgun private key", &["mailgun"], named!(r"mailgun", r"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}")).min_entropy(3.0),
    rule("mailchimp_key", "Mailchimp key", &["-us"], r"\b[a-f0-9]{32}-us[0-9]{1,2}\b").min_entropy(3.0),
    rule("brevo_key", "Brevo key", &["xkeysib-"], r"\bxkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}\b"),
    rule("resend_key", "Resend key", &["re_"], r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b").min_entropy(3.5),
    rule("mandrill_key", "Mandrill key", &["md-"], r"\bmd-[A-Za-z0-9_-]{22}(?:[^\w-]|$)").min_entropy(3.5),
];
