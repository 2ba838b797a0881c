//! How this process authenticates itself to the servers. Users and passwords are its own settings:
//! no acceptor stores them, and they can be changed without a change of membership.

use crate::address::{self, Login};
use crate::{AcceptorAddress, AddressError, RequestError};
use redis::RedisConnectionInfo;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A user and a password of Redis. Without a user it is the server's default user that the password
/// belongs to; without a password none is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user, as `ACL SETUSER` names it.
    pub user: Option<String>,
    /// The password, as it is: not percent-encoded.
    pub password: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// The credentials in a URL.
    pub(crate) fn of(settings: &RedisConnectionInfo) -> Self {
        Self {
            user: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
        }
    }

    /// These, and where they lack a password that of `others`: with the user of `others`, unless these
    /// have one.
    #[must_use]
    pub(crate) fn or(self, others: &Self) -> Self {
        if self.password.is_some() {
            return self;
        }
        Self { user: self.user.or_else(|| others.user.clone()), ..others.clone() }
    }

    pub(crate) fn apply(&self, settings: RedisConnectionInfo) -> RedisConnectionInfo {
        let Some(password) = &self.password else { return settings };
        let settings = settings.set_password(password);
        match &self.user {
            Some(user) => settings.set_username(user),
            None => settings,
        }
    }
}

/// Whether a server answers nothing because it demands a user or a password, or other ones than it was
/// shown.
#[must_use]
pub fn wants_credentials(error: &RequestError) -> bool {
    match error {
        RequestError::Refused(text) => text.starts_with("NOAUTH"),
        RequestError::NotConnected(text) => {
            text.contains("WRONGPASS") || text.contains("authentication failed")
        }
        RequestError::NoAnswer(_) | RequestError::NotMember | RequestError::Fenced { .. } => false,
    }
}

/// The logins that this process was given, by server.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    given: Mutex<BTreeMap<(String, u16), Login>>,
    /// For servers that no URL was given for, or one without a password.
    settings: Credentials,
    /// What all URLs agree on, for servers that none was given for.
    common: Login,
}

impl Logins {
    /// Those in these URLs, and otherwise what the settings say.
    ///
    /// # Errors
    /// [`AddressError`] when a URL cannot be understood.
    pub(crate) fn new(urls: &[String], settings: &Credentials) -> Result<Self, AddressError> {
        let given: BTreeMap<_, _> = urls
            .iter()
            .map(|url| address::parse(url).map(|(address, login)| (address.server(), login)))
            .collect::<Result<_, _>>()?;
        let mut all = given.values();
        let first = all.next().cloned().unwrap_or_default();
        let common = if all.all(|other| *other == first) { first } else { Login::default() };
        Ok(Self { given: Mutex::new(given), settings: settings.clone(), common })
    }

    /// Takes over a login that was given later, if it is one. Answers whether it is another one than
    /// before.
    pub(crate) fn learn(&self, address: &AcceptorAddress, login: Login) -> bool {
        if login == Login::default() {
            return false;
        }
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.insert(address.server(), login.clone()) != Some(login)
    }

    /// The login for the server at an address: the URL's that was given for it, or the settings', or
    /// the one that an earlier version has left in the configuration record, or the other URLs'.
    pub(crate) fn of(&self, address: &AcceptorAddress, recorded: &Login) -> Login {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let given = given.get(&address.server());
        let (own, others) = match given {
            Some(own) => (own.credentials.clone(), Credentials::default()),
            None => (Credentials::default(), self.common.credentials.clone()),
        };
        Login {
            credentials: own.or(&self.settings).or(&recorded.credentials).or(&others),
            any_certificate: given.unwrap_or(&self.common).any_certificate
                || recorded.any_certificate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user and password that are shown to the server at `address`, as `user:password`.
    fn shown(urls: &[&str], settings: &str, address: &str) -> String {
        let login = |text: &str| address::parse(&format!("redis://{text}h")).unwrap().1;
        let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
        let logins = Logins::new(&urls, &login(settings).credentials).unwrap();
        let (address, recorded) = address::parse(address).unwrap();
        let Credentials { user, password } = logins.of(&address, &recorded).credentials;
        format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default())
    }

    #[test]
    fn the_nearest_login_counts() {
        let (own, other) = ("redis://a:a@a:1", "redis://b:b@b:1");
        for (urls, settings, address, expected) in [
            // The server's own URL, whatever else there is.
            (&[own, other][..], "s:s@", "redis://a:1", "a:a"),
            (&[own, other], "s:s@", "redis://r:r@a:1", "a:a"),
            (&[own, other], "s:s@", "redis://a:1/3", "a:a"),
            // Then the settings; a user in the URL takes the password from there.
            (&[own, other], "s:s@", "redis://c:1", "s:s"),
            (&["redis://a:1"], "s:s@", "redis://a:1", "s:s"),
            (&["redis://a@a:1"], "s:s@", "redis://a:1", "a:s"),
            (&["redis://:a@a:1"], "s:s@", "redis://a:1", ":a"),
            // Then what an earlier version has written down.
            (&[own, other], "", "redis://r:r@c:1", "r:r"),
            (&[own], "", "redis://r:r@c:1", "r:r"),
            (&["redis://a:1"], "", "redis://r:r@a:1", "r:r"),
            // And at last what all URLs agree on.
            (&[own], "", "redis://c:1", "a:a"),
            (&[own, "redis://a:a@b:1"], "", "redis://c:1", "a:a"),
            (&[own, other], "", "redis://c:1", ":"),
            (&[own, "redis://b:1"], "", "redis://c:1", ":"),
            (&[], "", "redis://c:1", ":"),
        ] {
            let found = shown(urls, settings, address);
            assert_eq!(found, expected, "{urls:?}, {settings:?}, {address}");
        }
    }

    #[test]
    fn a_login_that_is_given_later_replaces_the_one_before() {
        let logins = Logins::new(&[], &Credentials::default()).unwrap();
        let another = |url: &str| {
            let (address, login) = address::parse(url).unwrap();
            logins.learn(&address, login)
        };
        assert!(!another("redis://a:1"));
        assert!(another("redis://:first@a:1"));
        assert!(!another("redis://:first@a:1"));
        assert!(another("redis://:second@a:1"));
        assert!(!another("redis://a:1"));
        let address = "redis://a:1".parse().unwrap();
        let login = logins.of(&address, &Login::default());
        assert_eq!(login.credentials.password.as_deref(), Some("second"));
    }

    #[test]
    fn nothing_shows_a_password() {
        let urls = [String::from("redis://ann:secret@a:1")];
        let logins = Logins::new(&urls, &Credentials::default()).unwrap();
        assert!(!format!("{logins:?}").contains("secret"));
    }
}
