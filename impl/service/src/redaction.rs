//! Addresses without what must not be shown: the user and the password.

/// A text in which no address shows its user and password. An address ends where white space begins.
pub(crate) fn without_logins(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(without_login).collect()
}

/// The same for a word that has one address in it at most.
fn without_login(word: &str) -> String {
    let shown = word.split_once(SCHEME_END).and_then(|(scheme, rest)| {
        if rest.starts_with(HOW_TO) {
            return None;
        }
        let (_, place) = rest.rsplit_once('@')?;
        Some(format!("{scheme}{SCHEME_END}{place}"))
    });
    shown.unwrap_or_else(|| word.to_owned())
}

const SCHEME_END: &str = "://";
/// How messages say where a login would be.
const HOW_TO: &str = "[user:password@]host";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_left() {
        for (text, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("rediss://user:p@ss/word@host:6380/0", "rediss://host:6380/0"),
            ("native://[::1]:7001", "native://[::1]:7001"),
            (
                "\"redis://:a@b:1\" is taken; redis://c:d@e:2\tis not @ all",
                "\"redis://b:1\" is taken; redis://e:2\tis not @ all",
            ),
            ("write redis://[user:password@]host:port", "write redis://[user:password@]host:port"),
            ("somebody@example.org", "somebody@example.org"),
        ] {
            assert_eq!(without_logins(text), expected);
        }
    }
}
