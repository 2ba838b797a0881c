//! Secrets from files and from the environment. They are never arguments, which every user of the
//! machine can see.

use crate::exit::Failure;
use std::env::VarError;
use std::path::Path;

/// The text in the file, or else in the environment variable, without the end of its last line.
pub(crate) fn secret(file: Option<&Path>, variable: &str) -> Result<Option<String>, Failure> {
    let text = match file {
        Some(path) => {
            let what = format!("cannot read {}", path.display());
            Some(std::fs::read_to_string(path).map_err(Failure::io(what))?)
        }
        None => match std::env::var(variable) {
            Ok(text) => Some(text),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => {
                return Err(Failure::Usage(format!("{variable} is not UTF-8")));
            }
        },
    };
    Ok(text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Where the secret comes from, for messages.
pub(crate) fn source(file: Option<&Path>, variable: &str) -> String {
    file.map_or_else(|| variable.to_owned(), |path| path.display().to_string())
}
