//! Data URIs (RFC 2397) as browsers read them: by the Fetch standard
//! (<https://fetch.spec.whatwg.org/#data-urls>), with bounds on top.
//!
//! So `DATA:` is taken, a missing media type is `text/plain;charset=US-ASCII`, base64 may lack its
//! padding and hold white space, the first comma ends the media type even within quotes, and the
//! data end at a `#`: whatever follows is a fragment, and whoever means a `#` writes `%23`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use data_url::DataUrl;
use data_url::forgiving_base64::DecodeError;

/// Bytes before the comma. Real media types have at most a hundred, and the time to read their
/// parameters grows with the square of their number.
const HEADER_MAX: usize = 512;

/// The content of a data URI.
#[derive(Debug)]
pub(super) struct Decoded {
    /// As declared, written in the canonical way.
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

/// Why a text is no data URI that is taken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has this scheme.
    OtherScheme(String),
    /// It does not begin like a URL at all.
    NoUrl(usize),
    /// There is no comma before the end or the `#`.
    NoComma,
    /// So many bytes before the comma.
    LongHeader(usize),
    /// The base64 is broken, in these words.
    Base64(String),
    /// It decodes to more bytes than one attachment may have.
    BeyondEach,
    /// It decodes to more bytes than are left for all attachments.
    BeyondAll,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherScheme(_) => f.write_str("a URL with another scheme"),
            Self::NoUrl(characters) => {
                write!(f, "a text of {characters} characters that is none (it is `data:<type>[;base64],<data>`)")
            }
            Self::NoComma => f.write_str("one without a comma before its data"),
            Self::LongHeader(bytes) => {
                write!(f, "one with {bytes} bytes before its comma, where at most {HEADER_MAX} are taken")
            }
            Self::Base64(why) => write!(f, "one whose base64 is broken: {why}"),
            Self::BeyondEach | Self::BeyondAll => f.write_str("one that is too large"),
        }
    }
}

/// The content of `url`: at most `each` bytes, and at most `all`.
///
/// A text that may decode to more is first decoded into nothing, to count; so memory is spent on
/// content that is taken, and only on that.
pub(super) fn decode(url: &str, each: usize, all: usize) -> Result<Decoded, Fault> {
    // Beyond here a linear walk at most: the rest of the header is bounded before it is parsed.
    let header = url.bytes().position(|byte| matches!(byte, b',' | b'#')).unwrap_or(url.len());
    let named = url.get(..header).unwrap_or(url).trim_start_matches(|c: char| c <= ' ');
    let scheme = named.split_once(':').map(|(scheme, _)| scheme);
    let is_data = scheme.is_some_and(|scheme| without_breaks(scheme).eq_ignore_ascii_case("data"));
    if !is_data {
        return Err(match scheme {
            Some(scheme) if is_scheme(scheme) => Fault::OtherScheme(scheme.to_ascii_lowercase()),
            _ => Fault::NoUrl(url.chars().count()),
        });
    }
    if header > HEADER_MAX {
        return Err(Fault::LongHeader(header));
    }
    let uri = DataUrl::process(url).map_err(|_| Fault::NoComma)?;
    if let Some(content) = plain_base64(url, header, each.min(all)) {
        return Ok(Decoded { media_type: uri.mime_type().to_string(), bytes: Bytes::from(content) });
    }
    // Neither form decodes to more bytes than it has characters.
    let mut size = url.len() - header;
    if size > each.min(all) {
        size = 0;
        walk(&uri, each, |bytes| size += bytes.len())?;
        if size > all {
            return Err(Fault::BeyondAll);
        }
    }
    let mut content = Vec::with_capacity(size);
    walk(&uri, each, |bytes| content.extend_from_slice(bytes))?;
    Ok(Decoded { media_type: uri.mime_type().to_string(), bytes: Bytes::from(content) })
}

/// What nearly every issuer sends: base64 without white space, escapes or a fragment, of at most `limit` bytes. It is read
/// several times faster than what browsers forgive; `None` means that it is to be read as they do.
fn plain_base64(url: &str, comma: usize, limit: usize) -> Option<Vec<u8>> {
    let data = url.get(..comma).filter(|header| header.ends_with(";base64")).and(url.get(comma + 1..))?;
    if base64::decoded_len_estimate(data.len()) > limit {
        return None;
    }
    STANDARD.decode(data).ok()
}

/// Gives the content to `take`, piece by piece, up to `limit` bytes.
fn walk(uri: &DataUrl<'_>, limit: usize, mut take: impl FnMut(&[u8])) -> Result<(), Fault> {
    let mut left = limit;
    let walked = uri.decode(|bytes| {
        left = left.checked_sub(bytes.len()).ok_or(())?;
        take(bytes);
        Ok(())
    });
    match walked {
        Ok(_fragment) => Ok(()),
        Err(DecodeError::WriteError(())) => Err(Fault::BeyondEach),
        Err(DecodeError::InvalidBase64(why)) => Err(Fault::Base64(why.to_string())),
    }
}

/// URLs are read as if these characters were not there.
fn without_breaks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).take(HEADER_MAX).collect()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: usize = 8;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, &[u8]), &str>) {
        let got = decode(url, EACH, EACH).map(|decoded| (decoded.media_type, decoded.bytes));
        let got = got.as_ref().map(|(media_type, bytes)| (media_type.as_str(), bytes.as_ref()));
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{url}"),
            (Err(fault), Err(expected)) => assert_eq!(fault.to_string(), expected, "{url}"),
            (got, _) => panic!("{url}: {got:?}"),
        }
    }

    const PLAIN: &str = "text/plain;charset=US-ASCII";

    #[test]
    fn both_forms_are_decoded_as_browsers_do() {
        check("data:text/csv,a%2Cb%0", Ok(("text/csv", b"a,b%0")));
        check("data:text/csv;base64,YSxiCg==", Ok(("text/csv", b"a,b\n")));
        check(" DATA:text/csv;BASE64,YSxiCg ", Ok(("text/csv", b"a,b\n")));
        check("data:text/csv; base64,YS xi\r\nCg%3D%3D", Ok(("text/csv", b"a,b\n")));
        check("da\nta:,x", Ok((PLAIN, b"x")));
        check("data:,", Ok((PLAIN, b"")));
        check("data:;base64,", Ok((PLAIN, b"")));
        check("data:,\u{fc}%FF", Ok((PLAIN, b"\xc3\xbc\xff")));
        check("data:text/plain;base64=no,YQ", Ok(("text/plain;base64=no", b"YQ")));
    }

    #[test]
    fn plain_base64_is_what_browsers_read_as_well() {
        for content in [&b""[..], b"a", b"ab", b"abc", b"a,b\n1,2\n", &[0, 255, 254, 253]] {
            let url = format!("data:text/csv;base64,{}", STANDARD.encode(content));
            let comma = url.find(',').unwrap();
            assert_eq!(plain_base64(&url, comma, 64).as_deref(), Some(content), "{url}");
            let forgiving = DataUrl::process(&url).unwrap().decode_to_vec().unwrap().0;
            assert_eq!(forgiving, content, "{url}");
        }
        for url in ["data:;base64,YQ", "data:;base64,YQ==#f", "data:;base64,Y%51==", "data:;base64,YR==", "data:,YQ=="]
        {
            assert_eq!(plain_base64(url, url.find(',').unwrap(), 64), None, "{url}");
        }
    }

    #[test]
    fn media_types_keep_their_parameters() {
        check("data:;charset=utf-8,x", Ok(("text/plain;charset=utf-8", b"x")));
        check(
            "data:Text/CSV;charset=utf-8;charset=latin1;header=present,x",
            Ok(("text/csv;charset=utf-8;header=present", b"x")),
        );
        check("data:text/csv;name=\"a b\",x", Ok(("text/csv;name=\"a b\"", b"x")));
        check("data:no-type,x", Ok((PLAIN, b"x")));
    }

    #[test]
    fn data_end_where_browsers_end_them() {
        check("data:,<a #f>", Ok((PLAIN, b"<a ")));
        check("data:,<a%20%23f>", Ok((PLAIN, b"<a #f>")));
        check("data:text/csv;name=\"a,b\",x", Ok(("text/csv;name=a", b"b\",x")));
        check("data:text/csv#,x", Err("one without a comma before its data"));
    }

    #[test]
    fn what_is_none_is_named() {
        check("nonsense", Err("a text of 8 characters that is none (it is `data:<type>[;base64],<data>`)"));
        check("", Err("a text of 0 characters that is none (it is `data:<type>[;base64],<data>`)"));
        check("a b:c", Err("a text of 5 characters that is none (it is `data:<type>[;base64],<data>`)"));
        check("data:text/csv", Err("one without a comma before its data"));
        check("data:;base64,@", Err("one whose base64 is broken: symbol with codepoint 64 not expected"));
        check("data:;base64,YQ=", Err("one whose base64 is broken: incorrect padding"));
        check("data:;base64,Y", Err("one whose base64 is broken: lone alphabet symbol present"));
        check("data:;base64,YQ==YQ", Err("one whose base64 is broken: alphabet symbol present after padding"));
        assert_eq!(decode("HTTPS://example.com/a,b", EACH, EACH).unwrap_err(), Fault::OtherScheme("https".to_owned()));
    }

    #[test]
    fn the_size_is_that_of_the_content_not_of_the_text() {
        let limited = |url: &str, each, all| decode(url, each, all).map(|decoded| decoded.bytes.len());
        for (url, size) in [
            ("data:,12345678", 8),
            ("data:;base64,MTIzNDU2Nzg=", 8),
            ("data:,%31%32%33%34%35%36%37%38", 8),
            ("data:;base64,\n\n\n\n\n\n\n\n\n\n\n\nMQ", 1),
            ("data:;base64,%20%20%20%20%20%20%20%20MQ", 1),
            ("data:,1#2345678901234567890", 1),
        ] {
            assert_eq!(limited(url, size, size), Ok(size), "{url}");
            assert_eq!(limited(url, size - 1, size), Err(Fault::BeyondEach), "{url}");
            assert_eq!(limited(url, size, size - 1), Err(Fault::BeyondAll), "{url}");
        }
    }

    /// Parameters are compared with each other: a million of them would take hours.
    #[test]
    fn long_headers_are_not_parsed() {
        let many: String = (0..1_000_000).map(|n| format!(";a{n}=b")).collect();
        let url = format!("data:text/csv{many},x");
        assert_eq!(decode(&url, EACH, EACH).unwrap_err(), Fault::LongHeader(many.len() + 13));
        check(
            &format!("data:text/csv{},x", " ".repeat(500)),
            Err("one with 513 bytes before its comma, where at most 512 are taken"),
        );
    }
}
