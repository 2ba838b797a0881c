//! `harness mutants`: in the simulated world; on real sockets and servers, `mutants/real.rs`.

mod real;

use super::print;
use crate::args::MutantsArgs;
use crate::exit::{End, Failure};
use crate::parallel::in_order;
use crate::progress::say;
use harness_history::Verdict;
use harness_sim::{Detail, Exhibit, Mutant, SimScenario, exhibit, run, shrink};
use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::thread;
use std::time::Instant;

/// How many candidates the shrinker may run for each mutant.
const CANDIDATES: usize = 3000;

/// A line of the table.
struct Row {
    mutant: Mutant,
    exhibit: Exhibit,
    seconds: f64,
    /// Calls and disturbed links of a shrunk case.
    shrunk: Option<(usize, usize)>,
}

pub(super) fn mutants(args: &MutantsArgs) -> Result<End, Failure> {
    if args.real {
        let (table, unreliable) = real::real(args)?;
        print(&table)?;
        return Ok(judged("not found in four runs of five", &unreliable));
    }
    let gallery = chosen(&args.mutants, Mutant::all())?;
    if args.list {
        let lines =
            gallery.iter().map(|mutant| format!("{:<28} {}\n", mutant.name(), mutant.summary()));
        print(&lines.collect::<String>())?;
        return Ok(End::Done);
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let rows = in_order(cores, &gallery, |mutant| row(args, *mutant))?;
    print(&table(args, &rows))?;
    let escaped = rows.iter().filter(|row| row.exhibit.escapes() > 0);
    let escaped: Vec<_> = escaped.map(|row| row.mutant.name().to_owned()).collect();
    Ok(judged("escaped", &escaped))
}

/// The mutants of these names; all that there are, where none is named.
fn chosen<M>(names: &[String], all: impl IntoIterator<Item = M>) -> Result<Vec<M>, Failure>
where
    M: FromStr<Err: fmt::Display>,
{
    if names.is_empty() {
        return Ok(all.into_iter().collect());
    }
    names.iter().map(|name| name.parse().map_err(Failure::usage)).collect()
}

/// Valid where no mutant got away.
fn judged(what: &str, escaped: &[String]) -> End {
    if escaped.is_empty() {
        return End::Judged(Verdict::Valid);
    }
    say(format!("{what}: {}", escaped.join(", ")));
    End::Judged(Verdict::Invalid)
}

fn row(args: &MutantsArgs, mutant: Mutant) -> Result<Row, Failure> {
    let began = Instant::now();
    let exhibit = exhibit(mutant, args.campaigns, args.most)?;
    let seconds = began.elapsed().as_secs_f64() / args.campaigns as f64;
    let scenario = SimScenario::swarm().with_mutant(mutant);
    let found = exhibit.campaigns.iter().find_map(|campaign| campaign.seed);
    let case = found.and_then(|seed| run(seed, &scenario, Detail::Everything).case);
    let shrunk = case.and_then(|case| shrink(&case, CANDIDATES));
    let shrunk = shrunk.map(|s| (s.case.operations.len(), s.case.disturbed_links().len()));
    Ok(Row { mutant, exhibit, seconds, shrunk })
}

fn table(args: &MutantsArgs, rows: &[Row]) -> String {
    let mut text = format!(
        "| mutant | what it gets wrong | seeds: median, worst of {} | calls until seen: median, worst | s a search | shrunk to: calls, links |\n|---|---|---|---|---|---|\n",
        args.campaigns
    );
    for Row { mutant, exhibit, seconds, shrunk } in rows {
        let (seeds, operations) = (exhibit.seeds(), exhibit.operations());
        let shrunk =
            shrunk.map_or_else(|| String::from("–"), |(calls, links)| format!("{calls}, {links}"));
        let escapes = match exhibit.escapes() {
            0 => String::new(),
            escapes => format!(" ({escapes} ESCAPED)"),
        };
        text += &format!(
            "| `{}` | {} | {}, {}{escapes} | {}, {} | {seconds:.2} | {shrunk} |\n",
            mutant.name(),
            mutant.summary(),
            seeds.0,
            seeds.1,
            operations.0,
            operations.1,
        );
    }
    text
}
