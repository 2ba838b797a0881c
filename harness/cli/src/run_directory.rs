//! What lies in a run directory, and how it comes there.

use jiff::Timestamp;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A run directory that could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(crate) struct DirectoryError {
    path: PathBuf,
    source: io::Error,
}

/// One run's directory.
#[derive(Debug, Clone)]
pub(crate) struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Whether a run directory can be made in `output`, which is not made for that.
    ///
    /// # Errors
    /// When it, or the nearest directory above it that is there, cannot be written.
    pub(crate) fn can_be_made(output: &Path) -> Result<(), DirectoryError> {
        let here = Path::new(".");
        let above =
            |path: &&Path| !path.as_os_str().is_empty() && fs::symlink_metadata(path).is_ok();
        let there = output.ancestors().find(above).unwrap_or(here);
        // It has no name, so nobody sees it, and ends with the file that is dropped here.
        let written = tempfile::tempfile_in(there).map(drop);
        written.map_err(|source| DirectoryError { path: there.to_owned(), source })
    }

    /// Makes `<output>/<time>-<system>-<workload>`.
    pub(crate) fn create(
        output: &Path,
        began: Timestamp,
        system: &str,
        workload: &str,
    ) -> Result<Self, DirectoryError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DirectoryError { path, source }
        };
        fs::create_dir_all(output).map_err(failed(output))?;
        let stem = format!("{}-{system}-{workload}", began.strftime("%Y%m%dT%H%M%S"));
        // Two runs may begin in the same second.
        let names = (1..).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") });
        for name in names {
            let path = output.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(DirectoryError { path, source }),
            }
        }
        unreachable!("there is always a next number")
    }

    /// An existing one.
    pub(crate) fn open(path: &Path) -> Self {
        // The link to the latest run is followed here, so that names in reports stay true.
        Self { path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    pub(crate) fn faults(&self) -> PathBuf {
        self.path.join("faults.jsonl")
    }

    pub(crate) fn scenario(&self) -> PathBuf {
        self.path.join("scenario.toml")
    }

    pub(crate) fn metadata(&self) -> PathBuf {
        self.path.join("metadata.json")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.path.join("results.json")
    }

    pub(crate) fn junit(&self) -> PathBuf {
        self.path.join("junit.xml")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Writes a whole file, or leaves the one that is there.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), DirectoryError> {
        let failed = |source| DirectoryError { path: path.to_owned(), source };
        // As readable as any other file: a temporary file would be its owner's alone.
        let readable = fs::Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .permissions(readable)
            .tempfile_in(&self.path)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }

    /// Writes a value as JSON.
    pub(crate) fn write_json<T: Serialize>(
        &self,
        path: &Path,
        value: &T,
    ) -> Result<(), DirectoryError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| DirectoryError { path: path.to_owned(), source: error.into() })?;
        self.write(path, &(text + "\n"))
    }

    /// Points `latest`, beside it, to this run: there is something to look at from now on.
    pub(crate) fn become_latest(&self) -> Result<(), DirectoryError> {
        let (Some(output), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(());
        };
        // Made beside and moved over: at no time is there no latest run.
        let fresh = output.join(format!(".latest-{}", std::process::id()));
        std::os::unix::fs::symlink(name, &fresh)
            .and_then(|()| fs::rename(&fresh, output.join("latest")))
            .map_err(|source| DirectoryError { path: fresh, source })
    }
}
