//! One run, from its servers to its report.

use crate::bench::Bench;
use crate::plan;
use crate::servers::Servers;
use crate::{BenchError, Options, Profile, Report, Setup, target};

/// Runs what the options ask for. Takes about cases × rounds × slice; blocks until then, and must
/// not be called from within an async runtime.
///
/// # Errors
/// [`BenchError`] when something cannot be run or measured. Calls that fail are no error: they are
/// counted in the report.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    options.check()?;
    let mut servers = Servers::of(options)?;
    let prefix = format!("gryadka-bench:{:016x}:", rand::random::<u64>());
    let report = measure(options, &mut servers, &prefix);
    // What the measurement came to matters more than whether its keys could be removed.
    let swept = servers.sweep(&prefix);
    let report = report?;
    swept.map(|()| report)
}

fn measure(options: &Options, servers: &mut Servers, prefix: &str) -> Result<Report, BenchError> {
    let setup = setup(options, servers)?;
    let cases = plan::cases(options);
    let proposers = plan::proposers(&cases);
    let mut bench = Bench::open(options, servers, prefix, proposers)?;
    if let Some(span) = options.soak {
        let soak = bench.soak(options, span)?;
        return Ok(Report { setup, cases: Vec::new(), targets: Vec::new(), soak: Some(soak) });
    }
    let cases = bench.figures(options, &cases)?;
    let targets = match options.profile {
        Some(Profile::Figures) => target::targets(&cases),
        Some(Profile::Standard) | None => Vec::new(),
    };
    Ok(Report { setup, cases, targets, soak: None })
}

fn setup(options: &Options, servers: &mut Servers) -> Result<Setup, BenchError> {
    Ok(Setup {
        server: servers.version()?,
        acceptors: servers.count(),
        given: !options.urls.is_empty(),
        fsync: options.fsync,
        value_bytes: options.value,
        rounds: options.rounds,
        slice_ms: u64::try_from(options.slice.as_millis()).unwrap_or(u64::MAX),
        window: options.window,
        threads: options.threads,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
    })
}
