//! The end of a Redis server's log that was not synced: how much that may be, and how it is lost.
//!
//! Nobody tells what has been synced. With `appendfsync always` it is everything that was answered.
//! Otherwise the log's length is looked at again and again, and what it had some time ago counts as
//! synced: an approximation.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use workloads::Fsync;

/// How often a log's length is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Where Redis 7 and newer keep the parts of the log, and the list of them; within the directory.
const PARTS: &str = "appendonlydir";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
/// The log of older ones.
const SINGLE: &str = "appendonly.aof";

/// How long ago something must have been written to count as synced; nothing need be lost when
/// every write is synced before its answer.
pub(super) const fn synced_after(fsync: Fsync) -> Option<Duration> {
    match fsync {
        Fsync::Always => None,
        Fsync::Everysec => Some(Duration::from_secs(1)),
        // The system takes up to half a minute; runs are often shorter.
        Fsync::No => Some(Duration::from_secs(5)),
    }
}

/// What was cut of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// How many bytes are lost.
    pub(super) lost: u64,
    /// How many are left of the part that was written to.
    pub(super) left: u64,
}

/// The lengths that a log had lately.
pub(super) struct Lengths {
    directory: PathBuf,
    age: Duration,
    seen: Arc<Mutex<VecDeque<Seen>>>,
    /// Looks at the log, until this is dropped.
    _looking: JoinSet<()>,
}

struct Seen {
    at: Instant,
    log: PathBuf,
    length: u64,
}

impl Lengths {
    /// Looks at the log in a server's directory from now on. What is older than `age` counts as
    /// synced.
    pub(super) fn watch(directory: &Path, age: Duration) -> Self {
        let seen = Arc::new(Mutex::new(VecDeque::new()));
        let mut looking = JoinSet::new();
        looking.spawn(look(directory.to_owned(), age, Arc::clone(&seen)));
        Self { directory: directory.to_owned(), age, seen, _looking: looking }
    }

    /// Cuts the log back to what it had when it was last looked at long enough before `crash`. The
    /// server must have ended.
    ///
    /// It ends with a whole command then, as if the rest of it had been discarded when the log was
    /// loaded. The acceptor's place in its cluster stays: one that has lost it is a wiped one. What
    /// is left counts as synced from now on.
    ///
    /// # Errors
    /// When the log cannot be read or cut.
    pub(super) fn cut(&self, crash: Instant) -> io::Result<Cut> {
        let path = growing(&self.directory)?;
        let log = fs::read(&path)?;
        let length = log.len() as u64;
        // A part that was begun later is cut to its beginning, as far as that may be.
        let synced = self.synced(&path, crash).min(length);
        let left = cut_at(&log, synced);
        File::options().write(true).open(&path)?.set_len(left)?;
        let at = crash.checked_sub(self.age).unwrap_or(crash);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clear();
        seen.push_back(Seen { at, log: path, length: left });
        Ok(Cut { lost: length - left, left })
    }

    /// Nothing that was seen holds any more: the log is gone. The server must have ended.
    pub(super) fn forget(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn synced(&self, log: &Path, crash: Instant) -> u64 {
        let until = crash.checked_sub(self.age);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let old = seen.iter().rev().find(|seen| until.is_some_and(|until| seen.at <= until));
        old.filter(|seen| seen.log == log).map_or(0, |seen| seen.length)
    }
}

async fn look(directory: PathBuf, age: Duration, seen: Arc<Mutex<VecDeque<Seen>>>) {
    let mut pace = interval(LOOK_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        // Nobody forgets or cuts between a look and its note.
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(log) = growing(&directory) else { continue };
        let Ok(length) = fs::metadata(&log).map(|file| file.len()) else { continue };
        let at = Instant::now();
        // The newest one that is old enough stays.
        while seen.get(1).is_some_and(|next| at.duration_since(next.at) > age) {
            seen.pop_front();
        }
        seen.push_back(Seen { at, log, length });
    }
}

/// The part of the log in a server's directory that is written to.
fn growing(directory: &Path) -> io::Result<PathBuf> {
    let manifest = directory.join(MANIFEST);
    if !manifest.exists() {
        return Ok(directory.join(SINGLE));
    }
    let text = fs::read_to_string(&manifest)?;
    // file appendonly.aof.1.incr.aof seq 1 type i
    let incremental = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let name = words.get(1).filter(|_| line.trim_end().ends_with("type i"))?;
        Some(directory.join(PARTS).join(name))
    };
    let unlisted = || io::Error::new(io::ErrorKind::InvalidData, "no part is written to");
    text.lines().rev().find_map(incremental).ok_or_else(unlisted)
}

/// Where to cut: at the last end of a command within the first `synced` bytes, but behind the
/// command that gave the acceptor its place. What does not begin with a command is cut where told.
pub(super) fn cut_at(log: &[u8], synced: u64) -> u64 {
    if !log.is_empty() && !log.starts_with(b"*") {
        return synced;
    }
    let (mut at, mut best, mut transaction, mut admits) = (0, 0, false, false);
    while let Some((command, end)) = command(log, at) {
        let named = |name: &[u8]| command.first().is_some_and(|w| w.eq_ignore_ascii_case(name));
        // An acceptor is admitted by setting the field `identity` of the hash that has it.
        admits |=
            named(b"HSET") && command.iter().skip(2).step_by(2).any(|word| *word == b"identity");
        transaction = named(b"MULTI") || transaction && !named(b"EXEC");
        at = end;
        if !transaction {
            if end as u64 <= synced || admits {
                best = end as u64;
            }
            admits = false;
        }
    }
    best
}

/// The words of the command that begins there, and where it ends. None where no whole one does.
fn command(log: &[u8], at: usize) -> Option<(Vec<&[u8]>, usize)> {
    let (count, mut at) = number(log, at, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, begins) = number(log, at, b'$')?;
        let ends = begins.checked_add(length)?;
        words.push(log.get(begins..ends)?);
        at = ends + 2;
    }
    (at <= log.len()).then_some((words, at))
}

/// The number on the line that begins there with that sign, and where the next line begins.
fn number(log: &[u8], at: usize, sign: u8) -> Option<(usize, usize)> {
    let line = log.get(at..)?.strip_prefix(&[sign])?;
    let length = line.iter().position(|&byte| byte == b'\r')?;
    let digits = std::str::from_utf8(line.get(..length)?).ok()?;
    Some((digits.parse().ok()?, at + 1 + length + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(command: &str) -> String {
        let words: Vec<_> = command.split(' ').collect();
        let frame = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
        format!("*{}\r\n{}", words.len(), words.iter().map(frame).collect::<String>())
    }

    fn log(commands: &[&str]) -> String {
        commands.iter().map(|command| framed(command)).collect()
    }

    #[test]
    fn a_log_is_cut_behind_whole_commands_and_whole_transactions() {
        let parts = ["SET a 1", "MULTI", "SET b 2", "SET c 3", "EXEC", "SET d 4"];
        let whole = log(&parts);
        let ends: Vec<u64> = (0..=parts.len()).map(|n| log(&parts[..n]).len() as u64).collect();
        for synced in 0..=whole.len() as u64 {
            let allowed = [ends[0], ends[1], ends[5], ends[6]];
            let expected = allowed.into_iter().filter(|end| *end <= synced).max().unwrap();
            assert_eq!(cut_at(whole.as_bytes(), synced), expected, "{synced}");
        }
    }

    #[test]
    fn an_acceptor_keeps_its_place() {
        let parts = ["SET a 1", "MULTI", "HSET gryadka:! identity 1/2 epoch 0", "EXEC", "SET b 2"];
        let whole = log(&parts);
        assert_eq!(cut_at(whole.as_bytes(), 0), log(&parts[..4]).len() as u64);
        // Its age may be lost, like all that it promised.
        let aged = log(&[&parts[..], &["HSET gryadka:! age 7"]].concat());
        assert_eq!(cut_at(aged.as_bytes(), 0), log(&parts[..4]).len() as u64);
    }

    #[test]
    fn what_is_torn_or_no_command_is_no_end() {
        let whole = log(&["SET a 1", "SET b 2"]);
        let first = log(&["SET a 1"]).len() as u64;
        for torn in 1..framed("SET b 2").len() {
            let log = &whole.as_bytes()[..whole.len() - torn];
            assert_eq!(cut_at(log, u64::MAX), first, "{torn}");
        }
        assert_eq!(cut_at(b"REDIS0011\x00", 5), 5);
        assert_eq!(cut_at(b"", 5), 0);
    }

    #[tokio::test]
    async fn what_a_cut_left_is_synced_and_what_it_took_is_forgotten() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join(SINGLE);
        let (first, both) = (log(&["SET a 1"]), log(&["SET a 1", "SET b 2"]));
        let lengths = Lengths::watch(place.path(), Duration::from_secs(60));
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        for (at, log) in [(begin, &first), (after(10), &both)] {
            let seen = Seen { at, log: path.clone(), length: log.len() as u64 };
            lengths.seen.lock().unwrap().push_back(seen);
        }
        let lost = (both.len() - first.len()) as u64;
        for crash in [65, 66, 80] {
            fs::write(&path, &both).unwrap();
            let cut = lengths.cut(after(crash)).unwrap();
            assert_eq!(cut, Cut { lost, left: first.len() as u64 }, "{crash}");
        }
        lengths.forget();
        fs::write(&path, &both).unwrap();
        let cut = lengths.cut(after(90)).unwrap();
        assert_eq!(cut, Cut { lost: both.len() as u64, left: 0 });
    }

    proptest! {
        #[test]
        fn no_log_is_too_strange(log: Vec<u8>, synced in 0..100_u64) {
            prop_assert!(cut_at(&log, synced.min(log.len() as u64)) <= log.len() as u64);
        }
    }
}
