//! What a run makes on the machine, written down before it is made: so that `harness heal` can
//! undo it when the harness was killed.
//!
//! | question | file |
//! |---|---|
//! | whose is it, and does that process live? | `journal/owner.rs` |
//! | what can be told of that from here? | `journal/place.rs` |
//! | what is written down, and where? | here |

mod owner;
mod place;

pub(crate) use owner::{Fate, Owner};
pub(crate) use place::Elsewhere;

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many ids are tried before giving up on a directory in which every name seems taken.
const TRIES: u32 = 16;

/// A journal that could not be written, read or removed.
#[derive(Debug, thiserror::Error)]
#[error("the journal {}: {source}", path.display())]
pub(crate) struct JournalError {
    path: PathBuf,
    source: io::Error,
}

/// One thing that a run makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "kebab-case")]
pub(crate) enum Made {
    /// The journal itself: whose it is. Always the first line.
    Run {
        /// The run's id.
        run: String,
        /// The harness that it belongs to.
        owner: Owner,
    },
    /// A network of Docker's.
    Network {
        /// Its name.
        name: String,
    },
    /// A container.
    Container {
        /// Its name.
        name: String,
    },
    /// A process.
    Process {
        /// Which, in a way that another process of the same number is not taken for it.
        process: Owner,
    },
    /// A directory in the temporary directory.
    Directory {
        /// Where.
        path: PathBuf,
    },
    /// Links, or faults on links, of a Toxiproxy that is not the run's own. Both carry the run's id.
    Links {
        /// The Toxiproxy, `http://host:port`.
        toxiproxy: String,
    },
    /// Keys in a store that is not the run's own.
    Keys {
        /// The service through which they are deleted, `http://host:port`.
        service: String,
        /// The history of the run, which names all of them.
        history: PathBuf,
    },
}

/// The journal of a run. The file is made with the first thing that is written down, and removed
/// when everything is gone again.
#[derive(Debug)]
pub(crate) struct Journal {
    run: String,
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Journal {
    /// A journal for a run that begins, with an id that no other run has.
    ///
    /// # Errors
    /// When the directory cannot be made or written.
    pub(crate) fn begin(directory: &Path) -> Result<Self, JournalError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..TRIES {
            let run = format!("{:08x}", rand::random::<u32>());
            let path = directory.join(format!("{run}.jsonl"));
            match File::create_new(&path) {
                Ok(file) => {
                    let journal = Self { run: run.clone(), path, file: Mutex::new(Some(file)) };
                    journal.note(&Made::Run { run, owner: Owner::myself() })?;
                    return Ok(journal);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(failed(&path)(error)),
            }
        }
        Err(failed(directory)(taken))
    }

    /// The run's id: eight hexadecimal digits.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Writes down what is about to be made. It is on the disk when this comes back.
    ///
    /// # Errors
    /// When it cannot be written; then it must not be made.
    pub(crate) fn note(&self, made: &Made) -> Result<(), JournalError> {
        let failed = |source| JournalError { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(made).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_mut() else {
            return Err(failed(io::Error::other("it has been closed")));
        };
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(failed)
    }

    /// Removes the journal: everything that it names is gone. Nothing can be noted any more.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(crate) fn close(&self) -> Result<(), JournalError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.take().is_some() {
            remove(&self.path)?;
        }
        Ok(())
    }
}

/// Where journals lie: `$XDG_STATE_HOME/gryadka-harness`, or `~/.local/state/gryadka-harness`; where
/// there is no home, in the temporary directory.
pub(crate) fn directory() -> PathBuf {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir);
    state.join("gryadka-harness")
}

/// A journal that was found. One whose first line is missing was not begun yet, and is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file.
    pub(crate) path: PathBuf,
    /// The run's id.
    pub(crate) run: String,
    /// The harness that it belongs to.
    pub(crate) owner: Owner,
    /// What it made, in order.
    pub(crate) made: Vec<Made>,
}

/// All journals of a directory, by name, and what is wrong with those that cannot be read. None when
/// the directory is not there.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn find(directory: &Path) -> Result<(Vec<Found>, Vec<JournalError>), JournalError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| JournalError { path, source }
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Vec::new(), Vec::new()));
        }
        entries => entries.map_err(failed(directory))?,
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        let journal = match fs::read_to_string(&path) {
            // Its run has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => Err(failed(&path)(error)),
            Ok(text) => read(path, &text),
        };
        match journal {
            Ok(journal) => found.extend(journal),
            Err(error) => unreadable.push(error),
        }
    }
    Ok((found, unreadable))
}

/// Removes a journal; one that is gone already is as well.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn remove(path: &Path) -> Result<(), JournalError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(JournalError { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads a journal. Its last line may have been cut by a kill: what it announced was not made.
fn read(path: PathBuf, text: &str) -> Result<Option<Found>, JournalError> {
    let (mut begun, mut all) = (None, Vec::new());
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(line) = line.strip_suffix('\n') else { break };
        let made = serde_json::from_str(line).map_err(|error| JournalError {
            path: path.clone(),
            source: io::Error::other(format!("line {number}: {error}")),
        })?;
        if let Made::Run { run, owner } = made {
            begun = Some((run, owner));
        } else {
            all.push(made);
        }
    }
    Ok(begun.map(|(run, owner)| Found { path, run, owner, made: all }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn container(name: &str) -> Made {
        Made::Container { name: String::from(name) }
    }

    #[test]
    fn what_was_noted_is_found_with_its_owner() {
        let state = TempDir::new().unwrap();
        let journal = Journal::begin(&state.path().join("deep/er")).unwrap();
        journal.note(&container("c1")).unwrap();
        journal.note(&Made::Directory { path: PathBuf::from("/d") }).unwrap();
        let (found, _) = find(&state.path().join("deep/er")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].run.as_str(), &found[0].owner), (journal.run(), &Owner::myself()));
        let directory = Made::Directory { path: PathBuf::from("/d") };
        assert_eq!(found[0].made, [container("c1"), directory]);
    }

    #[test]
    fn a_closed_journal_is_gone_and_takes_no_more() {
        let state = TempDir::new().unwrap();
        let journal = Journal::begin(state.path()).unwrap();
        journal.close().unwrap();
        journal.close().unwrap();
        assert_eq!(find(state.path()).unwrap().0, []);
        assert!(journal.note(&container("c1")).is_err());
    }

    #[test]
    fn a_line_cut_by_a_kill_was_not_made() {
        let text = "{\"made\":\"run\",\"run\":\"r\",\"owner\":\"1:2:b\"}\n\
            {\"made\":\"container\",\"name\":\"c1\"}\n{\"made\":\"contai";
        let found = read(PathBuf::from("j"), text).unwrap().unwrap();
        assert_eq!((found.run.as_str(), found.made), ("r", vec![container("c1")]));
        assert_eq!(read(PathBuf::from("j"), "{\"made\":\"ru").unwrap(), None);
    }

    #[test]
    fn a_whole_line_that_is_no_entry_is_told_with_its_number() {
        let text = "{\"made\":\"container\",\"name\":\"c1\"}\n{\"made\":\"soup\"}\n";
        let error = read(PathBuf::from("j"), text).unwrap_err().to_string();
        assert!(error.starts_with("the journal j: line 2: unknown variant `soup`"), "{error}");
    }

    #[test]
    fn one_that_cannot_be_read_hides_no_other() {
        let state = TempDir::new().unwrap();
        fs::write(state.path().join("a.jsonl"), "{\"made\":\"soup\"}\n").unwrap();
        let journal = Journal::begin(state.path()).unwrap();
        let (found, unreadable) = find(state.path()).unwrap();
        assert_eq!(
            found.iter().map(|found| found.run.as_str()).collect::<Vec<_>>(),
            [journal.run()]
        );
        assert_eq!(unreadable.len(), 1);
    }

    #[test]
    fn no_directory_is_no_journals() {
        let state = TempDir::new().unwrap();
        assert_eq!(find(&state.path().join("none")).unwrap().0, []);
    }
}
