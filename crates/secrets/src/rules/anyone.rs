//! Secrets of no provider in particular.

use super::{Judge, Rule, rule};

pub(super) const RULES: &[Rule] = &[
    // A header alone, or with the words that every such key begins with, is no key: some of its body must follow.
    rule(
        "private_key",
        "Private key (PEM, OpenSSH, PGP)",
        &["PRIVATE KEY"],
        concat!(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
            r"[\s\S]{0,300}?[A-Za-z0-9+/]{48}",
            r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)",
        ),
    ),
    rule(
        "putty_private_key",
        "PuTTY private key",
        &["PuTTY-User-Key-File"],
        r"PuTTY-User-Key-File-[23]:[\s\S]{0,8000}?Private-Lines: [0-9]+\s+(?P<secret>[A-Za-z0-9+/=\s]{48,})",
    ),
    rule(
        "jwt",
        "JSON Web Token",
        &["eyJ"],
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    )
    .judged(Judge::Claims),
    rule(
        "authorization_header",
        "Authorization header",
        &["authorization"],
        r#"(?i:authorization)(?:\\?["'`]|""|&quot;)?\s*[:=,]\s*(?:\\?["'`]|""|&quot;)?(?i:basic|bearer|token)\s+(?P<secret>[A-Za-z0-9+/=._~-]{20,})"#,
    )
    .judged(Judge::Claims),
    rule(
        "connection_string",
        "Address with a password",
        &["://"],
        concat!(
            r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|nats|s?ftp|https?)",
            r"(?:\+[a-z0-9]{1,20})?://",
            r#"(?P<user>[^\s:/?\x23@"'`<>(){}\\]{0,100}):(?P<secret>[^\s/?\x23@"'`<>(){}\\]{3,200})@(?P<host>[A-Za-z0-9\[][A-Za-z0-9.-]{0,200})"#,
        ),
    )
    // A password that a person chose.
    .min_entropy(1.5)
    .judged(Judge::Login),
    rule(
        "curl_password",
        "Password given to curl",
        &["curl"],
        r#"\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]{0,2}["']?[^\s:"'$]{1,100}:(?P<secret>[^\s"'$]{6,200})"#,
    ),
    rule(
        "assigned_secret",
        "Random value under a telling name",
        &["secret", "token", "passw", "pwd", "key", "credential"],
        concat!(
            r"(?i:(?P<name>[\w.-]{0,40}?",
            r"(?:secret|token|passwd|password|pwd|credentials?",
            r"|(?:api|access|auth|encryption|signing|private|master|account|service)[_.-]?key)",
            r"[\w.-]{0,24}))",
            r#"(?:\\?["'`]|""|&quot;)?\s{0,4}(?:=>|:=|[:=])\s{0,4}[brf]?(?:\\?["'`]|""|&quot;)?"#,
            r#"(?P<secret>[A-Za-z0-9!#%*+./:=@^_~-]{12,200})(?:[\s"'`<,)}\]\\;&?|]|$)"#,
        ),
    )
    .min_entropy(3.0)
    .judged(Judge::Assignment),
];
