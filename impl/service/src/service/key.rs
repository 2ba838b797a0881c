//! Keys in paths: one segment, percent-encoded, any bytes.

use super::problem::Problem;
use percent_encoding::percent_decode;

/// The longest key, in bytes.
pub(crate) const LONGEST_KEY_BYTES: usize = 1024;

/// What every resource of a key begins with.
const KEYS: &str = "/v1/kv/";

/// The segment that spells the key, as the client wrote it.
pub(crate) fn segment(path: &str) -> &str {
    let rest = path.strip_prefix(KEYS).unwrap_or_default();
    rest.split_once('/').map_or(rest, |(key, _)| key)
}

/// The key that a path names.
pub(crate) fn key(path: &str) -> Result<Vec<u8>, Problem> {
    let segment = segment(path).as_bytes();
    if !is_encoded(segment) {
        return Err(Problem::BadKey);
    }
    let key: Vec<u8> = percent_decode(segment).collect();
    if key.is_empty() {
        return Err(Problem::EmptyKey);
    }
    if key.len() > LONGEST_KEY_BYTES {
        return Err(Problem::KeyTooLong { length: key.len(), limit: LONGEST_KEY_BYTES });
    }
    Ok(key)
}

fn is_encoded(text: &[u8]) -> bool {
    let mut parts = text.split(|&byte| byte == b'%');
    parts.next();
    parts.all(|part| matches!(part, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    #[test]
    fn a_key_is_one_segment() {
        for (path, expected) in [
            ("/v1/kv/plain", &b"plain"[..]),
            ("/v1/kv/a%2Fb", b"a/b"),
            ("/v1/kv/a%2fincrement", b"a/increment"),
            ("/v1/kv/a%2Fincrement/increment", b"a/increment"),
            ("/v1/kv/a/append", b"a"),
            ("/v1/kv/%00%ff", b"\0\xff"),
            ("/v1/kv/a+b", b"a+b"),
            ("/v1/kv/100%25", b"100%"),
        ] {
            assert_eq!(key(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (path, problem) in [
            ("/v1/kv/", Problem::EmptyKey),
            ("/v1/kv//increment", Problem::EmptyKey),
            ("/v1/kv/100%", Problem::BadKey),
            ("/v1/kv/%2", Problem::BadKey),
            ("/v1/kv/%zz", Problem::BadKey),
        ] {
            assert_eq!(key(path), Err(problem), "{path}");
        }
        assert!(key(&format!("/v1/kv/{}", "k".repeat(LONGEST_KEY_BYTES))).is_ok());
        let long = key(&format!("/v1/kv/{}", "k".repeat(LONGEST_KEY_BYTES + 1)));
        assert_eq!(long, Err(Problem::KeyTooLong { length: 1025, limit: 1024 }));
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 1..64)) {
            let encoded = percent_encode(&bytes, NON_ALPHANUMERIC);
            prop_assert_eq!(key(&format!("/v1/kv/{encoded}")), Ok(bytes));
        }
    }
}
