//! Why there is no report.

use plotters::drawing::DrawingAreaErrorKind;
use std::io;
use std::path::PathBuf;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page could not be put on disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A chart could not be drawn.
    #[error("the {chart} chart cannot be drawn: {source}")]
    Chart {
        /// Which of the charts.
        chart: &'static str,
        /// What the plotting library said.
        source: DrawingAreaErrorKind<io::Error>,
    },
}
