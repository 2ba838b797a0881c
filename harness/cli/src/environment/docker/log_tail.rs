//! The end of an acceptor's log that was not synced: how long it is, and how it is lost.
//!
//! Nothing tells a process's user which of its writes the system has brought to the disk, so this is
//! an approximation. Under `appendfsync always` everything that was answered has been synced, and
//! nothing is cut. Otherwise the log is cut back to the length that it had some time before its server
//! was killed, at the end of a command.

use super::archive::{self, ArchiveError, Entry};
use super::daemon::{DockerError, status};
use crate::environment::tail::cut_at;
use bollard::Docker;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How often the length is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// An answer that takes longer is waited for no more.
const PATIENCE: Duration = Duration::from_millis(300);
/// Where the log lies: within this, in a directory, as Redis 7 and later have it, or in one file.
const DATA: &str = "/data";
const DIRECTORY: &str = "/data/appendonlydir";
const FILE: &str = "/data/appendonly.aof";

/// Knows how long a server's log was some time ago.
pub(super) struct Watch {
    lengths: Arc<Mutex<VecDeque<(Instant, Length)>>>,
    age: Duration,
    task: JoinHandle<()>,
}

/// How long a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    bytes: u64,
    /// Whether the base that the log begins with is counted: a server counts it that has read its
    /// log, and does not that has begun it.
    with_base: bool,
}

/// What was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// Bytes that the log had.
    pub(super) of: usize,
    /// Bytes that were cut off its end.
    pub(super) bytes: usize,
}

impl Watch {
    pub(super) fn start(address: SocketAddr, age: Duration) -> Self {
        let lengths = Arc::new(Mutex::new(VecDeque::new()));
        let watched = Arc::clone(&lengths);
        let task = tokio::spawn(async move {
            loop {
                if let Some(length) = length(address).await {
                    let mut lengths = watched.lock().unwrap_or_else(PoisonError::into_inner);
                    lengths.push_back((Instant::now(), length));
                    // The first one is the newest of those that are old enough.
                    while lengths.get(1).is_some_and(|(at, _)| at.elapsed() >= age) {
                        lengths.pop_front();
                    }
                }
                sleep(EVERY).await;
            }
        });
        Self { lengths, age, task }
    }

    /// The length that counts as synced: none when the server is not known for that long.
    pub(super) fn synced(&self) -> Option<Length> {
        let lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let old = lengths.iter().rev().find(|(at, _)| at.elapsed() >= self.age);
        old.map(|(_, length)| *length)
    }

    /// What a cut left counts as synced from now on.
    pub(super) fn cut(&self, lost: Lost) {
        let now = Instant::now();
        let at = now.checked_sub(self.age).unwrap_or(now);
        let bytes = (lost.of - lost.bytes) as u64;
        let mut lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        lengths.clear();
        lengths.push_back((at, Length { bytes, with_base: false }));
    }

    /// Nothing that is known holds any more: the log was made anew.
    pub(super) fn forget(&self) {
        self.lengths.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The length of a server's log, as the server itself has it.
async fn length(address: SocketAddr) -> Option<Length> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n").await?;
        let mut lines = BufReader::new(stream).lines();
        let mut bytes = None;
        while let Some(line) = lines.next_line().await? {
            if let Some(length) = line.strip_prefix("aof_current_size:") {
                bytes = length.trim().parse().ok();
            } else if let Some(base) = line.strip_prefix("aof_base_size:") {
                let with_base = base.trim() != "0";
                return Ok(bytes.map(|bytes| Length { bytes, with_base }));
            }
        }
        std::io::Result::Ok(None)
    };
    timeout(PATIENCE, asking).await.ok()?.ok()?
}

/// Cuts the log of a container that does not run back to what was synced: to its beginning when that
/// is not known.
pub(super) async fn cut(
    docker: &Docker,
    container: &str,
    synced: Option<Length>,
) -> Result<Lost, DockerError> {
    let synced = synced.unwrap_or(Length { bytes: 0, with_base: false });
    let entries = match download(docker, container, DIRECTORY).await? {
        Some(entries) => entries,
        None => download(docker, container, FILE).await?.unwrap_or_default(),
    };
    let broken = |error: ArchiveError| DockerError::Container {
        name: container.to_owned(),
        reason: format!("has a log that cannot be read: {error}"),
        log: String::new(),
    };
    let mut entries = archive::unpack(&entries).map_err(broken)?;
    let Some(lost) = cut_entries(&mut entries, synced) else {
        return Ok(Lost { of: 0, bytes: 0 });
    };
    if lost.bytes > 0 {
        let archive = archive::pack(&entries).map_err(broken)?;
        let options = UploadToContainerOptionsBuilder::new().path(DATA).build();
        let body = bollard::body_full(archive.into());
        let uploaded = docker.upload_to_container(container, Some(options), body).await;
        uploaded
            .map_err(DockerError::call(format!("write the log of the container {container}")))?;
    }
    Ok(lost)
}

/// A file or a directory of a container, as an archive. None when there is no such thing.
async fn download(
    docker: &Docker,
    container: &str,
    path: &str,
) -> Result<Option<Vec<u8>>, DockerError> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let pieces = docker.download_from_container(container, Some(options));
    let whole = pieces.try_fold(Vec::new(), |mut whole, piece| async move {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    match whole.await {
        Ok(whole) => Ok(Some(whole)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => {
            Err(DockerError::call(format!("read {path} of the container {container}"))(error))
        }
    }
}

/// Cuts the file of the log that grows, and leaves only that one. None when there is none.
fn cut_entries(entries: &mut Vec<Entry>, synced: Length) -> Option<Lost> {
    let is_growing =
        |entry: &Entry| entry.path.ends_with(".incr.aof") || entry.path.ends_with("appendonly.aof");
    let is_base = |entry: &&Entry| entry.path.contains(".base.");
    let base: usize = entries.iter().filter(is_base).map(|entry| entry.content.len()).sum();
    // The last one is written to: there is another while the log is rewritten.
    let mut growing = entries.extract_if(.., |entry| is_growing(entry)).last()?;
    let of = growing.content.len();
    let base = if synced.with_base { base as u64 } else { 0 };
    let kept = cut_at(&growing.content, synced.bytes.saturating_sub(base));
    growing.content.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    let lost = Lost { of, bytes: of - growing.content.len() };
    *entries = vec![growing];
    Some(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    const FIRST: usize = 14;
    const NOTHING: Length = Length { bytes: 0, with_base: false };

    fn file(path: &str, content: &[u8]) -> Entry {
        Entry::file(String::from(path), 0o600, content.to_vec())
    }

    #[tokio::test]
    async fn what_a_cut_left_is_synced_until_the_log_is_made_anew() {
        // Nobody listens there: nothing is seen but what is told.
        let watch = Watch::start(([127, 0, 0, 1], 1).into(), Duration::from_secs(5));
        assert_eq!(watch.synced(), None);
        watch.cut(Lost { of: 30, bytes: 10 });
        assert_eq!(watch.synced(), Some(Length { bytes: 20, with_base: false }));
        watch.forget();
        assert_eq!(watch.synced(), None);
    }

    #[test]
    fn the_base_counts_and_stays() {
        let mut entries = vec![
            file("appendonlydir/", b""),
            file("appendonlydir/appendonly.aof.1.base.rdb", &[0; 88]),
            file("appendonlydir/appendonly.aof.1.incr.aof", TWO),
            file("appendonlydir/appendonly.aof.manifest", b"file ..."),
        ];
        let lost = cut_entries(&mut entries, Length { bytes: 88 + 20, with_base: true });
        assert_eq!(lost, Some(Lost { of: TWO.len(), bytes: TWO.len() - FIRST }));
        let cut = file("appendonlydir/appendonly.aof.1.incr.aof", &TWO[..FIRST]);
        assert_eq!(entries, [cut]);
        let lost = cut_entries(&mut entries, Length { bytes: 13, with_base: false });
        assert_eq!(lost, Some(Lost { of: FIRST, bytes: FIRST }));
    }

    #[test]
    fn the_single_file_of_older_servers_is_cut_too() {
        let mut entries = vec![file("appendonly.aof", TWO)];
        assert_eq!(
            cut_entries(&mut entries, NOTHING),
            Some(Lost { of: TWO.len(), bytes: TWO.len() })
        );
        assert_eq!(cut_entries(&mut vec![file("dump.rdb", b"")], NOTHING), None);
    }
}
