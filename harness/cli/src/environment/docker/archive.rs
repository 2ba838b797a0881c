//! Tar archives, as far as Docker's files need them: whole files and directories, in memory.

use std::str;

const BLOCK: usize = 512;
/// Where the fields of a header are.
const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const USER: std::ops::Range<usize> = 108..116;
const GROUP: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const TIME: std::ops::Range<usize> = 136..148;
const SUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..265;

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path, at most 100 bytes; that of a directory ends with a slash.
    pub(super) path: String,
    /// Its permissions.
    pub(super) mode: u32,
    /// The number of the user that it belongs to.
    pub(super) user: u32,
    /// The number of the group that it belongs to.
    pub(super) group: u32,
    /// What is in it; nothing for a directory.
    pub(super) content: Vec<u8>,
}

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// It ends in the middle.
    #[error("an archive ends in the middle of an entry")]
    Cut,
    /// A header is none.
    #[error("an archive has a header that is none, at byte {0}")]
    NoHeader(usize),
    /// A path does not fit into a header.
    #[error("the path {0} is too long for an archive, which takes 100 bytes")]
    LongPath(String),
}

impl Entry {
    /// Anybody's file.
    pub(super) const fn file(path: String, mode: u32, content: Vec<u8>) -> Self {
        Self { path, mode, user: 0, group: 0, content }
    }

    const fn is_directory(&self) -> bool {
        matches!(self.path.as_bytes(), [.., b'/'])
    }

    fn header(&self) -> Result<[u8; BLOCK], ArchiveError> {
        if self.path.len() > NAME.len() {
            return Err(ArchiveError::LongPath(self.path.clone()));
        }
        let mut header = [0; BLOCK];
        header[..self.path.len()].copy_from_slice(self.path.as_bytes());
        let mut put = |field: std::ops::Range<usize>, text: String| {
            header[field.start..field.start + text.len()].copy_from_slice(text.as_bytes());
        };
        put(MODE, format!("{:07o}", self.mode & 0o777_7777));
        put(USER, format!("{:07o}", self.user & 0o777_7777));
        put(GROUP, format!("{:07o}", self.group & 0o777_7777));
        put(SIZE, format!("{:011o}", self.content.len()));
        put(TIME, format!("{:011o}", 0));
        put(SUM, " ".repeat(SUM.len()));
        put(MAGIC, String::from("ustar\x0000"));
        header[KIND] = if self.is_directory() { b'5' } else { b'0' };
        let sum = format!("{:06o}\0 ", sum(&header));
        header[SUM].copy_from_slice(sum.as_bytes());
        Ok(header)
    }
}

/// Makes an archive.
pub(super) fn pack(entries: &[Entry]) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = Vec::new();
    for entry in entries {
        archive.extend_from_slice(&entry.header()?);
        archive.extend_from_slice(&entry.content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

/// The files and directories of an archive; whatever else is in it is left out.
pub(super) fn unpack(archive: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let (mut entries, mut at) = (Vec::new(), 0);
    while let Some(header) = archive.get(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        let number = |field| octal(&header[field]).ok_or(ArchiveError::NoHeader(at));
        let size = usize::try_from(number(SIZE)?).map_err(|_| ArchiveError::Cut)?;
        let begins = at + BLOCK;
        let ends = begins.checked_add(size).ok_or(ArchiveError::Cut)?;
        let content = archive.get(begins..ends).ok_or(ArchiveError::Cut)?;
        if matches!(header[KIND], 0 | b'0' | b'5') {
            let small = |number: u64| u32::try_from(number).map_err(|_| ArchiveError::NoHeader(at));
            let name = header[NAME].split(|byte| *byte == 0).next().unwrap_or_default();
            let path = str::from_utf8(name).map_err(|_| ArchiveError::NoHeader(at))?;
            entries.push(Entry {
                path: path.to_owned(),
                mode: small(number(MODE)?)?,
                user: small(number(USER)?)?,
                group: small(number(GROUP)?)?,
                content: content.to_vec(),
            });
        }
        at = ends.next_multiple_of(BLOCK);
    }
    Err(ArchiveError::Cut)
}

/// The sum over a header, its own field counted as blanks.
fn sum(header: &[u8; BLOCK]) -> u64 {
    let plain = header.iter().enumerate();
    plain.map(|(at, byte)| u64::from(if SUM.contains(&at) { b' ' } else { *byte })).sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|letter| letter == '\0' || letter == ' ');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn entries() -> Vec<Entry> {
        let directory = Entry::file(String::from("tmp/"), 0o1777, Vec::new());
        let file = Entry::file(String::from("etc/passwd"), 0o644, b"root\n".to_vec());
        let whole = Entry::file(String::from("block"), 0o755, vec![7; BLOCK]);
        vec![directory, Entry { user: 999, group: 1000, ..file }, whole]
    }

    #[test]
    fn what_was_packed_comes_out() {
        assert_eq!(unpack(&pack(&entries()).unwrap()), Ok(entries()));
        assert_eq!(unpack(&pack(&[]).unwrap()), Ok(Vec::new()));
    }

    #[test]
    fn the_tar_of_this_machine_reads_it_and_is_read() {
        let place = tempfile::TempDir::new().unwrap();
        let (ours, theirs) = (place.path().join("ours.tar"), place.path().join("theirs.tar"));
        fs::write(&ours, pack(&entries()).unwrap()).unwrap();
        let tar = |args: &[&str]| {
            let ran = Command::new("tar").args(args).current_dir(place.path()).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        tar(&["--extract", "--no-same-owner", "--file", ours.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(place.path().join("etc/passwd")).unwrap(), "root\n");
        tar(&["--create", "--format=ustar", "--file", theirs.to_str().unwrap(), "block", "tmp"]);
        let names: Vec<_> =
            unpack(&fs::read(theirs).unwrap()).unwrap().into_iter().map(|e| e.path).collect();
        assert_eq!(names, ["block", "tmp/"]);
    }

    #[test]
    fn a_cut_archive_and_a_long_path_are_told() {
        let archive = pack(&entries()).unwrap();
        assert_eq!(unpack(&archive[..BLOCK + 10]), Err(ArchiveError::Cut));
        assert_eq!(unpack(&[b'x'; 2 * BLOCK]), Err(ArchiveError::NoHeader(0)));
        let long = "x".repeat(101);
        let error = pack(&[Entry::file(long.clone(), 0, Vec::new())]);
        assert_eq!(error, Err(ArchiveError::LongPath(long)));
    }
}
