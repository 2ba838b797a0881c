//! The store as applications use it: one cloneable handle on a cluster.
//!
//! A register holds eight bytes and a value: the version, whose highest bit marks a deleted one
//! (a tombstone), so that a key that is created again goes on with higher versions.

use crate::{
    Acceptor, AcceptorId, AddressError, CasAnswer, ChangeError, Configuration, Lost,
    NativeAcceptor, Options, ProposerId, RedisAcceptor, Step, Store, Versioned,
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use caspaxos::{ConfigurationError, Reply, Request};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// How a cluster is found, and used.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The acceptors: `redis://[user:password@]host:port`, or `native://host:port` for a
    /// [`crate::NativeServer`].
    pub urls: Vec<String>,
    /// What the registers' keys begin with on a Redis server.
    pub prefix: String,
    /// How many keys are remembered to save them a round trip; 0 for none.
    pub cache: usize,
    /// Whether servers that belong to no cluster yet may be made one.
    pub initialise: bool,
}

impl ConnectOptions {
    /// These acceptors, the prefix `gryadka:`, and a cache of 10,000 keys.
    pub fn new(urls: impl IntoIterator<Item = String>) -> Self {
        Self {
            urls: urls.into_iter().collect(),
            prefix: String::from("gryadka:"),
            cache: 10_000,
            initialise: false,
        }
    }
}

/// Why there is no handle on the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// These acceptors make no configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// One acceptor would have two votes.
    #[error("{0:?} is named twice, and an acceptor has one vote")]
    Twice(String),
}

/// What must be true of a register for its change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Anything,
    /// There is no value.
    Absent,
    /// There is a value.
    Present,
    /// There is a value, and this is its version.
    Version(u64),
}

impl Expected {
    fn met_by(self, present: &Present<'_>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => present.value.is_none(),
            Self::Present => present.value.is_some(),
            Self::Version(version) => present.value.is_some() && present.version == version,
        }
    }
}

/// What a change function is shown.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The value, if there is one.
    pub value: Option<&'a Bytes>,
    /// The value's version; 0 when there is no value.
    pub version: u64,
    /// The version that a value put now will have.
    pub next: u64,
}

impl Present<'_> {
    fn versioned(&self) -> Option<Versioned> {
        self.value.map(|value| Versioned { version: self.version, value: value.clone() })
    }
}

/// A handle on a cluster. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gryadka {
    store: Arc<Store<Server>>,
}

impl Gryadka {
    /// A new proposer of the cluster that these acceptors are.
    ///
    /// # Errors
    /// [`ConnectError`] when the options make no sense. Servers that cannot be reached are no
    /// error: they may come back.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let mut acceptors = BTreeMap::new();
        for (id, url) in (1..).map(AcceptorId).zip(&options.urls) {
            if options.urls.iter().filter(|other| *other == url).count() > 1 {
                return Err(ConnectError::Twice(url.clone()));
            }
            acceptors.insert(id, Arc::new(Server::at(url, &options.prefix)?));
        }
        let configuration = Configuration::majority(acceptors.keys().copied())?;
        let proposer = ProposerId(rand::random_range(1..=MAX_PROPOSER));
        let settings = Options { cache: options.cache, ..Options::new(proposer, configuration) };
        Ok(Self { store: Arc::new(Store::new(settings, acceptors)) })
    }

    /// Reads a register.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`]: a read leaves nothing behind.
    pub async fn get(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Versioned>, ChangeError> {
        self.change(key, |present| Step::Keep(present.versioned()), deadline).await
    }

    /// Writes a register, whatever it held. The answer is the new version.
    ///
    /// # Errors
    /// As [`Gryadka::change`].
    pub async fn set(
        &self,
        key: &[u8],
        value: Bytes,
        deadline: Instant,
    ) -> Result<u64, ChangeError> {
        let put = |present: &Present<'_>| Step::Put(Some(value.clone()), present.next);
        self.change(key, put, deadline).await
    }

    /// Writes a register if it is as expected.
    ///
    /// # Errors
    /// As [`Gryadka::change`]. A mismatch is an answer, not an error.
    pub async fn compare_and_set(
        &self,
        key: &[u8],
        expected: Expected,
        value: Bytes,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        let compare = |present: &Present<'_>| {
            if expected.met_by(present) {
                Step::Put(Some(value.clone()), CasAnswer::Set(present.next))
            } else {
                Step::Keep(CasAnswer::Mismatch(present.versioned()))
            }
        };
        self.change(key, compare, deadline).await
    }

    /// Deletes a register's value if it is as expected. Where there is none, whatever was expected,
    /// the answer is a mismatch.
    ///
    /// # Errors
    /// As [`Gryadka::change`]. A mismatch is an answer, not an error.
    pub async fn delete(
        &self,
        key: &[u8],
        expected: Expected,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        let compare = |present: &Present<'_>| {
            if present.value.is_some() && expected.met_by(present) {
                Step::Put(None, CasAnswer::Set(present.next))
            } else {
                Step::Keep(CasAnswer::Mismatch(present.versioned()))
            }
        };
        self.change(key, compare, deadline).await
    }

    /// Applies `f` to what the register holds and commits what it makes of it; to put `None` is to
    /// delete. `f` may run several times, but at most one of its results takes effect.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] when nothing has happened nor will; [`ChangeError::Unknown`] when
    /// that cannot be told. A change whose `f` only ever answers [`Step::Keep`] is never unknown.
    pub async fn change<T, F>(&self, key: &[u8], f: F, deadline: Instant) -> Result<T, ChangeError>
    where
        T: Clone + Send,
        F: FnMut(&Present<'_>) -> Step<Bytes, T> + Send,
    {
        let f = Mutex::new(f);
        let change = |held: Option<&Bytes>| {
            let (version, value) = held.map_or((0, None), decode);
            let present = Present {
                value: value.as_ref(),
                version: if value.is_some() { version } else { 0 },
                next: version + 1,
            };
            let step = f.lock().unwrap_or_else(PoisonError::into_inner)(&present);
            match step {
                Step::Put(value, answer) => Step::Put(Some(encode(present.next, value)), answer),
                Step::Keep(answer) => Step::Keep(answer),
            }
        };
        self.store.change(key, change, deadline).await
    }
}

/// Ids fit into the 53 bits that every part of the protocol carries exactly.
const MAX_PROPOSER: u64 = (1 << 53) - 1;

/// Marks a version whose value has been deleted.
const TOMBSTONE: u64 = 1 << 63;

fn encode(version: u64, value: Option<Bytes>) -> Bytes {
    let Some(value) = value else {
        return Bytes::copy_from_slice(&(version | TOMBSTONE).to_be_bytes());
    };
    let mut bytes = BytesMut::with_capacity(size_of::<u64>() + value.len());
    bytes.put_u64(version);
    bytes.put_slice(&value);
    bytes.freeze()
}

fn decode(bytes: &Bytes) -> (u64, Option<Bytes>) {
    let mut rest = bytes.clone();
    let Ok(version) = rest.try_get_u64() else { return (0, Some(rest)) };
    if version & TOMBSTONE == 0 { (version, Some(rest)) } else { (version & !TOMBSTONE, None) }
}

/// Either kind of acceptor.
#[derive(Debug)]
enum Server {
    Redis(RedisAcceptor),
    Native(NativeAcceptor),
}

impl Server {
    fn at(url: &str, prefix: &str) -> Result<Self, AddressError> {
        match url.strip_prefix("native://") {
            Some(address) => NativeAcceptor::new(&format!("redis://{address}")).map(Self::Native),
            None => RedisAcceptor::new(url, prefix).map(Self::Redis),
        }
    }
}

impl Acceptor for Server {
    async fn call(&self, key: Bytes, request: Request<Bytes>) -> Result<Reply<Bytes>, Lost> {
        match self {
            Self::Redis(acceptor) => acceptor.call(key, request).await,
            Self::Native(acceptor) => acceptor.call(key, request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NativeRegisters, NativeServer};
    use std::time::Duration;

    const KEY: &[u8] = b"k";

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    async fn cluster() -> (Vec<NativeServer>, Gryadka) {
        let start = |_| {
            let free = "127.0.0.1:0".parse().unwrap();
            NativeServer::start(free, NativeRegisters::default()).unwrap()
        };
        let servers: Vec<_> = (0..3).map(start).collect();
        let urls = servers.iter().map(|server| format!("native://{}", server.address()));
        let gryadka = Gryadka::connect(ConnectOptions::new(urls)).await.unwrap();
        (servers, gryadka)
    }

    #[tokio::test]
    async fn a_change_is_made_exactly_when_the_register_is_as_expected() {
        for (expected, absent, present) in [
            (Expected::Anything, true, true),
            (Expected::Absent, true, false),
            (Expected::Present, false, true),
            (Expected::Version(1), false, true),
            (Expected::Version(2), false, false),
            (Expected::Version(0), false, false),
        ] {
            let (_servers, gryadka) = cluster().await;
            for (set, fine) in [(false, absent), (true, present)] {
                let key = if set { KEY } else { b"another" };
                if set {
                    gryadka.set(key, bytes("one"), soon()).await.unwrap();
                }
                let held = gryadka.get(key, soon()).await.unwrap();
                let deleted = gryadka.delete(b"nothing", expected, soon()).await;
                assert_eq!(deleted, Ok(CasAnswer::Mismatch(None)), "{expected:?}");
                let answer = gryadka.compare_and_set(key, expected, bytes("two"), soon()).await;
                let version = u64::from(set) + 1;
                let right = if fine { CasAnswer::Set(version) } else { CasAnswer::Mismatch(held) };
                assert_eq!(answer, Ok(right), "{expected:?}, set: {set}");
            }
        }
    }

    #[tokio::test]
    async fn a_key_that_is_created_again_goes_on_with_higher_versions() {
        let (_servers, gryadka) = cluster().await;
        let first = gryadka.set(KEY, bytes("one"), soon()).await.unwrap();
        let deleted = gryadka.delete(KEY, Expected::Version(first), soon()).await.unwrap();
        let CasAnswer::Set(tombstone) = deleted else { panic!("{deleted:?}") };
        assert!(tombstone > first);
        assert_eq!(gryadka.get(KEY, soon()).await, Ok(None));
        let again = gryadka.delete(KEY, Expected::Anything, soon()).await;
        assert_eq!(again, Ok(CasAnswer::Mismatch(None)));
        let answer = gryadka.compare_and_set(KEY, Expected::Absent, bytes("two"), soon()).await;
        let Ok(CasAnswer::Set(second)) = answer else { panic!("{answer:?}") };
        assert!(second > tombstone);
    }

    #[tokio::test]
    async fn a_change_function_sees_the_version_that_it_will_make() {
        let (_servers, gryadka) = cluster().await;
        let mut seen = Vec::new();
        for _ in 0..2 {
            let f = |present: &Present<'_>| {
                seen.push((present.value.cloned(), present.version, present.next));
                Step::Put(Some(bytes("x")), present.next)
            };
            gryadka.change(KEY, f, soon()).await.unwrap();
        }
        assert_eq!(seen, [(None, 0, 1), (Some(bytes("x")), 1, 2)]);
    }

    #[tokio::test]
    async fn addresses_that_make_no_cluster_are_refused() {
        let connect = async |urls: &[&str]| {
            let options = ConnectOptions::new(urls.iter().map(|&url| url.to_owned()));
            Gryadka::connect(options).await.map(drop)
        };
        assert!(matches!(connect(&[]).await, Err(ConnectError::Configuration(_))));
        assert!(matches!(connect(&["nonsense"]).await, Err(ConnectError::Address(_))));
        let twice = connect(&["redis://h:1", "redis://h:2", "redis://h:1"]).await;
        assert!(matches!(twice, Err(ConnectError::Twice(url)) if url == "redis://h:1"));
    }
}
