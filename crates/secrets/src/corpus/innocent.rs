//! What good pages hold and a hasty scanner takes for secrets.

use rand::Rng;

use super::draw;

/// Texts that hold no secret, as they are.
pub const LOOK_ALIKES: &[&str] = &[
    "",
    "plain words, naïve café, 日本語",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "<script src=\"https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/js/bootstrap.bundle.min.js\" integrity=\"sha384-YvpcrYf0tY3lHB60NNkmXc5s9fDVZLESaAA55NDzOxhy9GkcIdslK1eN7N6jIeHz\" crossorigin=\"anonymous\"></script>",
    "!function(e,t){\"object\"==typeof exports?module.exports=t():e.sk_live=t()}(this,function(){var a=b.c,SG=d.e});",
    ".sk-folding-cube{width:40px}.sk-chase-dot:before{content:\"\"} .key-value{color:#fff}",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "https://example.com:8080/a@b https://user@example.com/ mailto:a:b@example.com ssh://git@github.com:22/x",
    "postgres://user:password@localhost/db postgres://user:${DB_PASSWORD}@db/app mysql://u:<password>@h redis://:***@h",
    "new URL('https://abc:xyz@example.com') fetch(\"https://user:hunter2@api.example.org/v1\")",
    "postgres://postgres:postgres@localhost:5432/app amqp://guest:guest@localhost/",
    "Authorization: Bearer YOUR_TOKEN_GOES_IN_THIS_PLACE",
    "Authorization: `Bearer ${token.value.of.the.user}`",
    "headers: { Authorization: \"Bearer \" + localStorage.getItem(\"accessTokenOfTheUser\") }",
    "Keys begin with ghp_ or github_pat_; AWS documents AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx xoxb-XXXXXXXXXXXX-XXXXXXXXXXXX",
    "OPENAI_API_KEY=sk-... GITHUB_TOKEN=ghp_... ANTHROPIC_API_KEY=sk-ant-your-key-here",
    "OPENAI_API_KEY=sk-proj-0000000000000000000000000000000000000000000000000000",
    "const apiKey = 'YOUR_API_KEY'; const token = \"<your-token>\"; const secret = 'changeme-please-2024';",
    "api_key: abcdefghijklmnopqrstuvwxyz123456 # fill in yours",
    "api_key = \"0123456789abcdef0123456789abcdef\"",
    "STRIPE_SECRET_KEY=sk_test_your_secret_key_goes_here_now",
    "A PEM file begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----.",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC...\n-----END PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n-----END PUBLIC KEY-----",
    "10:30:00 12345678:AAPL 1234567890:AA",
    "task_id=01JD3T0M4QZ8V5W9R2K7XH1C6N trace=4bf92f3577b34da6a3ce929d0e0e4736",
    "monkey-0123456789abcdef0123456789abcdef",
    "const token = params.get('token'); const password = document.getElementById('password-field-2').value;",
    "<input type=\"password\" name=\"password\" autocomplete=\"current-password\" id=\"loginPasswordField2\">",
    "<label for=\"apiKey\">API key</label><input id=\"apiKey\" placeholder=\"paste your key\">",
    "export const tokenType = 'Oauth2ClientCredentials'; const passwordRule = /^(?=.*[A-Z])(?=.*\\d).{8,}$/;",
    "{\"forgotPasswordLink\": \"/auth/reset-password/v2\", \"passwordHint\": \"At least 12 characters\"}",
    "\"secretary\": \"Ada Lovelace\", \"tokenizer\": \"cl100k_base\", \"max_tokens\": 4096",
    "const tokenAddress = '0xdAC17F958D2ee523a2206206994597C13D831ec7';",
    "const csrfToken = document.querySelector('meta[name=\"csrf-token\"]').content;",
    "keyframes spin1a2b3c4d; --design-token-color-primary-500: #0d6efd;",
    "jdbc:postgresql://localhost:5432/app?user=app&password=secret",
    "curl -u user:$PASSWORD https://example.com/ && curl -u \"$USER:$TOKEN\" https://example.com/",
    "password_hash = \"$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW\"",
    "see https://github.com/octocat/hello/commit/7fd1a60b01f91b314f59955a4e4d4e80d8edf11d?diff=split#token",
    "const dsn = 'https://0a1b2c3d4e5f60718293a4b5c6d7e8f9@o12345.ingest.sentry.io/67890';",
];

/// The same with drawn characters; `draw.rs` says what braces mean.
const FORMS: &[&str] = &[
    "commit {h40}",
    "sha256:{h64}",
    "{h32}  index.html",
    "\"etag\": \"{h32}\"",
    "<link rel=\"stylesheet\" href=\"a.css\" integrity=\"sha384-{b64}\">",
    "<script src=\"x.js\" integrity=\"sha512-{b86}==\"></script>",
    "\"integrity\": \"sha512-{b86}==\"",
    "id: \"{U}\"",
    "api_key_id = \"{U}\"",
    "\"token\": \"{U}\"",
    "<img alt=\"\" src=\"data:image/png;base64,iVBORw0KGgo{b900}\">",
    "@font-face{src:url(data:font/woff2;base64,d09GMgABAAAAA{b1500}) format('woff2')}",
    "background: #{h6}; color: #{h8}; --shadow: #{h3};",
    "var e=t.{a3},r=n({d3}),o=e.{a5}[{d2}];r.{a2}=\"{a4}\",i(o,r,e.{a6}({d3})),s.token=c.{a3}.{a8};",
    "pk_live_{a24}",
    "const stripe = Stripe('pk_test_{a99}');",
    "mapboxgl.accessToken = 'pk.eyJ1Ijoi{a60}.{a22}';",
    "posthog.init('phc_{a43}')",
    "gtag('config', 'G-{u10}'); ga('create', 'UA-{d8}-1');",
    "<div class=\"g-recaptcha\" data-sitekey=\"6L{w38}\"></div>",
    "const siteKey = '6L{w38}';",
    "Sentry.init([ dsn: \"https://{h32}@o{d6}.ingest.sentry.io/{d7}\" ])",
    "firebaseConfig = [ apiKey: \"AIza{w35}\", authDomain: \"shop-{l5}.firebaseapp.com\" ]",
    "algoliasearch('{u10}', '{h32}')",
    "/assets/index-{a8}.js /assets/app.{h20}.css",
    "//# sourceMappingURL=app.js.map?v={h32}",
    "public_key: \"{b43}=\"",
    "\"publicKey\": \"{w87}\"",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b43} me@example.com",
    "password_hash = \"{h64}\"",
    "passwordDigest: \"{b43}=\"",
    "cacheToken=\"{h32}\"",
    "next_page_token = \"{w60}\"",
    "tokenAddress = \"0x{h40}\"",
    "bc1q{l38} 0x{h64}",
    "isbn {d13}, order {d12}, phone +44 {d10}",
    "M{d2}.{d3} {d1}c{d1}.{d2}-{d1}.{d2} {d2}-{d1}.{d3}z m{d1} {d2}l{d2} {d2}",
    "{a3},{a5},{d4}\n{a3},{a5},{d4}\n{a3},{a5},{d4}",
    "nonce=\"{b24}\"",
    "<script nonce=\"{b22}==\" type=\"module\">",
    "<path id=\"a{h12}\" d=\"M{d3} {d3}L{d3} {d3}\"/>",
    "https://www.youtube.com/watch?v={w11}&list=PL{w32}",
    "https://docs.google.com/spreadsheets/d/{w44}/edit#gid=0",
    "https://fonts.gstatic.com/s/inter/v13/{w60}.woff2",
    "https://images.unsplash.com/photo-{d13}-{h12}?w=800",
    "w:{d4} kid-{l12} task-{l8} .mask-{l6}-risk{d2}",
    "var _0x{h4}=[\"{a6}\",\"{a9}\",\"{a12}\"];",
    "trace {h32} span {h16}",
    "KEY: {a6}  TOKEN: {d6}",
    "{H16}-{H16}",
];

/// Drawn tokens that are public by what they claim.
const PUBLIC_CLAIMS: &[&str] = &[
    r#"{"iss":"supabase","ref":"ROW","role":"anon","iat":1700000000,"exp":2000000000}"#,
    r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#,
];

/// How often each form is filled.
const FILLS: usize = 6;

/// Each look-alike once, and each form some times.
pub(super) fn texts(rng: &mut impl Rng) -> Vec<String> {
    let mut texts: Vec<_> = LOOK_ALIKES.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..FILLS {
        texts.extend(FORMS.iter().map(|form| draw::fill(rng, form)));
        texts.extend(PUBLIC_CLAIMS.iter().map(|claims| format!("const token = \"{}\";", draw::signed(rng, claims))));
    }
    texts
}
