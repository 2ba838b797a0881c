//! The page: one HTML file with its styles, drawings and a few lines of script inside.
//!
//! | question | file |
//! |---|---|
//! | what is the answer, and how is it run again? | `page/strip.rs` |
//! | what cannot be? | `page/counterexample.rs`, drawn by `page/diagram.rs` |
//! | what did clients and acceptors do, step by step? | `page/lanes.rs`, `page/lanes/*.rs` |
//! | what stands around the charts? | `page/charts.rs` |
//! | how did nodes, faults and conditions fare? | `page/tables.rs` |
//! | what was run, where, and how was it checked? | `page/metadata.rs` |
//! | how does it look? | `page/style.css` |
//!
//! Everything that comes from a store, a scenario or a server passes through the escaping of the
//! template; only drawings made here and the two inlined files go in as they are.

mod charts;
mod counterexample;
mod diagram;
mod lanes;
mod metadata;
mod strip;
mod tables;

use crate::wording::printable_page;
use crate::{Lanes, ReportError, Results};
use harness_history::{History, Operation};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fs;
use std::path::{Path, PathBuf};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/copy.js");
/// Tells the browser what the page promises: nothing is fetched.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const FILE: &str = "report.html";

/// The whole page. With `lanes` it tells step by step what clients and acceptors did.
///
/// # Errors
/// [`ReportError::Chart`].
pub fn render(
    results: &Results,
    history: &History,
    operations: &[Operation],
    lanes: Option<&Lanes>,
) -> Result<String, ReportError> {
    let charts = charts::section(results, history, operations)?;
    let title = format!(
        "{}: {} {}",
        results.verdict.name().to_uppercase(),
        results.metadata.subject(),
        results.metadata.workload
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (strip::section(results))
                    @if let Some(found) = &results.check.counterexample {
                        (counterexample::section(found))
                    }
                    @if let Some(lanes) = lanes { (lanes::section(lanes)) }
                    (charts)
                    (tables::nodes(results))
                    (tables::faults(&results.faults))
                    (tables::coverage(&results.coverage))
                    (tables::conditions(&results.conditions))
                    (metadata::section(results, history))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(printable_page(&page.into_string()))
}

/// Writes the page as `report.html` into the run directory and says where it is. The file appears
/// whole or not at all.
///
/// # Errors
/// [`ReportError::Chart`] and [`ReportError::Io`].
pub fn write_report(
    directory: &Path,
    results: &Results,
    history: &History,
    operations: &[Operation],
    lanes: Option<&Lanes>,
) -> Result<PathBuf, ReportError> {
    let page = render(results, history, operations, lanes)?;
    let path = directory.join(FILE);
    let unfinished = directory.join(format!(".{FILE}.unfinished"));
    fs::write(&unfinished, page)
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(|source| ReportError::Io { path: path.clone(), source })?;
    Ok(path)
}

/// Something wide, which scrolls by itself where the window is narrow.
fn scrolling(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (content) } }
}

#[cfg(test)]
mod tests;
