//! What is to be run: a workload, a scenario that comes along, a file or an earlier run, under the flags.

use crate::args::RunArgs;
use crate::environment;
use crate::exit::Failure;
use crate::links;
use crate::mutants;
use crate::progress::say;
use crate::run_directory::RunDirectory;
use std::path::Path;
use workloads::{BUILT_IN, Draft, EnvironmentKind, FaultKind, Scenario, UnknownName, Workload};

/// The whole scenario, before anything is started or written. Nothing is pulled or built for one that is
/// wrong.
pub(super) async fn scenario(args: &RunArgs) -> Result<Scenario, Failure> {
    let (base, source) = base(&args.what)?;
    let source = source.as_ref().map(|(file, text)| (file.as_str(), text.as_str()));
    let mut flags = args.scenario.draft()?;
    // A schedule stays as it was written, unless other faults are asked for.
    let base = if flags.changes_schedule() { Draft { schedule: None, ..base } } else { base };
    let base = without_images(base, flags.environment);
    let seed = u64::from(rand::random::<u32>());
    let wanted = args.scenario.wanted(&base, flags.clone().over(base.clone()).needs());
    let right = settle(&flags, &base, (wanted.guess(), wanted.conceivable()), seed, source)?;
    RunDirectory::can_be_made(Path::new(&right.output)).map_err(Failure::usage)?;

    let chosen = environment::choose(&wanted).await.map_err(Failure::usage)?;
    chosen.why.iter().for_each(say);
    flags.acceptors = chosen.acceptors;
    flags.toxiproxy_image = chosen.toxiproxy_image.or(flags.toxiproxy_image);
    let toxiproxy = flags.toxiproxy.as_deref().or(base.toxiproxy.as_deref());
    let able = links::able(chosen.able, toxiproxy).await.map_err(Failure::usage)?;
    let scenario = settle(&flags, &base, (chosen.kind, &able), seed, source)?;
    few_calls(&scenario).iter().for_each(say);
    Ok(scenario)
}

/// A node that calls fewer times in the quiet part may not be seen to make progress.
const FEW: f64 = 5.0;

/// A warning where the rate is so low that a run will hardly be conclusive.
fn few_calls(scenario: &Scenario) -> Option<String> {
    let quiet = scenario.quiet.duration().as_secs_f64();
    let (rate, nodes) = (scenario.rate, f64::from(scenario.nodes));
    let each = rate * quiet / nodes;
    (rate > 0.0 && each < FEW).then(|| {
        format!(
            "rate: {rate} calls a second are {each:.1} of each node in the quiet part of {}, too few to see progress for certain: a run may end as inconclusive; from --rate {:.0} on they are enough",
            scenario.quiet,
            (FEW * nodes / quiet).ceil()
        )
    })
}

/// The images of a file mean nothing in an environment without containers that a flag puts it in.
fn without_images(base: Draft, flag: Option<EnvironmentKind>) -> Draft {
    match flag {
        None | Some(EnvironmentKind::Auto | EnvironmentKind::Docker) => base,
        Some(_) => Draft { image: None, toxiproxy_image: None, ..base },
    }
}

/// The scenario of the flags over the base, where the environment can do so much.
fn settle(
    flags: &Draft,
    base: &Draft,
    (environment, able): (EnvironmentKind, &[FaultKind]),
    seed: u64,
    source: Option<(&str, &str)>,
) -> Result<Scenario, Failure> {
    let scenario = flags.clone().over(base.clone()).settle(environment, able, seed, source);
    let scenario = scenario.map_err(|error| {
        // What the file alone would get away with is the fault of a flag.
        let by_flag = base.clone().settle(environment, able, seed, source).is_ok();
        if by_flag { Failure::usage(error.reason) } else { Failure::usage(error) }
    })?;
    mutants::refuse_out_of_reach(&scenario).map_err(Failure::usage)?;
    Ok(scenario)
}

/// A file's name and text.
type Source = Option<(String, String)>;

/// What `what` stands for: a workload, a scenario that comes along, a file, or a run.
fn base(what: &str) -> Result<(Draft, Source), Failure> {
    if let Ok(workload) = what.parse::<Workload>() {
        return Ok((Draft { workload: Some(workload), ..Draft::default() }, None));
    }
    let path = Path::new(what);
    // A run directory stands for its scenario.
    let file = if path.is_dir() { path.join("scenario.toml") } else { path.to_owned() };
    let (name, text) = match BUILT_IN.iter().find(|(name, ..)| *name == what) {
        Some((name, _, text)) => ((*name).to_owned(), (*text).to_owned()),
        None if file.is_file() => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file)
                .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
            (name, text)
        }
        None if path.is_dir() => {
            return Err(Failure::usage(format!(
                "{what} is no run directory: it has no scenario.toml; say which one, such as runs/latest"
            )));
        }
        None => return Err(unknown(what)),
    };
    let draft = Draft::parse(&text, &name).map_err(Failure::usage)?;
    Ok((draft, Some((name, text))))
}

fn unknown(what: &str) -> Failure {
    let workloads = Workload::ALL.iter().map(|workload| workload.name());
    let allowed = workloads.chain(BUILT_IN.iter().map(|(name, ..)| *name)).collect();
    let unknown =
        UnknownName { kind: "workload, scenario or file", name: what.to_owned(), allowed };
    Failure::usage(format!("{unknown}, or the path of a scenario file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workloads::Span;

    #[test]
    fn a_rate_that_is_too_low_to_see_progress_is_told_with_one_that_is_not() {
        for (rate, nodes, quiet, told) in [
            (1.5, 3, 5, Some("--rate 3 on")),
            (0.001, 1, 5, Some("--rate 1 on")),
            (2.9, 3, 5, Some("--rate 3 on")),
            (3.0, 3, 5, None),
            (500.0, 3, 5, None),
            (500.0, 9, 1, None),
            (8.0, 9, 1, Some("--rate 45 on")),
            // As fast as it goes.
            (0.0, 3, 5, None),
        ] {
            let draft = Draft {
                workload: Some(Workload::Append),
                rate: Some(rate),
                nodes: Some(nodes),
                quiet: Some(Span::seconds(quiet)),
                ..Draft::default()
            };
            let scenario = draft.settle(EnvironmentKind::Embedded, &[], 1, None).unwrap();
            let said = few_calls(&scenario);
            assert_eq!(said.is_some(), told.is_some(), "{rate} {nodes} {quiet}: {said:?}");
            assert!(said.unwrap_or_default().contains(told.unwrap_or_default()), "{rate}");
        }
    }
}
