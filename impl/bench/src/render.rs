//! The report as people read it.

use crate::target::Bound;
use crate::{Cost, Figures, Latency, Ratio, Report, Setup, Soak, Target, Trend};
use std::fmt;

/// Rows of cells under their headings: the first column to the left, numbers to the right.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                match column {
                    0 => write!(f, "{cell:<width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.setup)?;
        if !self.cases.is_empty() {
            let Setup { rounds, slice_ms, window, .. } = self.setup;
            writeln!(f, "{rounds} rounds of {slice_ms} ms; {window} raw calls under way")?;
            writeln!(f, "\n{}\n{}", rates(&self.cases), costs(&self.cases))?;
            writeln!(f, "{NOTES}")?;
        }
        if !self.targets.is_empty() {
            write!(f, "\n{}", targets(&self.targets))?;
        }
        self.soak.iter().try_for_each(|soak| write!(f, "\n{soak}"))
    }
}

/// What the columns mean.
const NOTES: &str = "\
A range is that of single rounds. The raw limit is what a bare pipelined client gets out of the same
servers with the store's own accept, one register a call: the calls of all servers divided by their
number. CPU is of all processes, this one among them, by operation that ended well; script is the
time within scripts at one server, and regs/call how many operations share a call.";

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}, ", self.acceptors, self.server)?;
        match (self.given, self.fsync) {
            (true, _) => write!(f, "given")?,
            (false, Some(fsync)) => write!(f, "AOF {}", fsync.word())?,
            (false, None) => write!(f, "AOF off")?,
        }
        write!(f, "; values of {} bytes; ", self.value_bytes)?;
        match self.threads {
            0 => write!(f, "one thread")?,
            1 => write!(f, "1 worker thread")?,
            threads => write!(f, "{threads} worker threads")?,
        }
        write!(f, ", {} cores", self.cores)
    }
}

fn rates(cases: &[Figures]) -> Table {
    let headings = ["case", "per second", "range", "of raw limit", "range"];
    let mut table = Table::new(&[&headings[..], &["p50 µs", "p99 µs", "p99.9 µs"]].concat());
    for case in cases {
        let rate = case.per_second;
        let raw = case.of_raw_limit;
        let time = |pick: fn(&Latency) -> f64| optional(case.latency.as_ref().map(pick), tenths);
        table.row([
            case.name.clone(),
            whole(rate.median),
            format!("{}–{}", whole(rate.low), whole(rate.high)),
            optional(raw.map(|ratio| ratio.of_medians), hundredths),
            raw.map_or_else(dash, |Ratio { low, high, .. }| range(low, high, hundredths)),
            time(|latency| latency.p50_us),
            time(|latency| latency.p99_us),
            time(|latency| latency.p999_us),
        ]);
    }
    table
}

fn costs(cases: &[Figures]) -> Table {
    let headings = ["case", "ok", "not applied", "unknown", "conflicts", "least served"];
    let more = ["CPU µs", "servers'", "script µs", "regs/call"];
    let mut table = Table::new(&[&headings[..], &more].concat());
    for case in cases {
        let cost = |pick: fn(&Cost) -> Option<f64>| {
            optional(case.cost.as_ref().and_then(pick), hundredths)
        };
        table.row([
            case.name.clone(),
            case.outcomes.ok.to_string(),
            case.outcomes.not_applied.to_string(),
            case.outcomes.unknown.to_string(),
            case.conflicts.map_or_else(dash, |conflicts| conflicts.to_string()),
            optional(case.least_served, hundredths),
            cost(|cost| Some(cost.cpu_us)),
            cost(|cost| Some(cost.server_cpu_us)),
            cost(|cost| cost.script_us),
            cost(|cost| cost.per_script),
        ]);
    }
    table
}

fn targets(targets: &[Target]) -> Table {
    let mut table = Table::new(&["target", "wanted", "seen", "range", "result"]);
    for target in targets {
        let (sign, wanted) = match target.wanted {
            Bound::AtLeast(least) => ('≥', least),
            Bound::AtMost(most) => ('≤', most),
        };
        let number = if wanted >= 100.0 { whole } else { hundredths };
        table.row([
            target.what.to_owned(),
            format!("{sign} {wanted}"),
            number(target.seen),
            target.range.map_or_else(dash, |(low, high)| range(low, high, number)),
            String::from(if target.met { "met" } else { "missed" }),
        ]);
    }
    table
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (span, samples) = (self.samples.last().map_or(0.0, |s| s.at_s), self.samples.len());
        let outcomes = self.outcomes;
        let rate = optional(self.per_second.map(|rate| rate.median), whole);
        writeln!(
            f,
            "{span:.0} s, {samples} samples, {} of changes are deletes: {rate} per second; \
             {} ok, {} not applied, {} unknown\n",
            hundredths(self.delete_share),
            outcomes.ok,
            outcomes.not_applied,
            outcomes.unknown,
        )?;
        let mut table =
            Table::new(&["memory", "first third", "median", "last third", "per minute"]);
        for Trend { what, first_third, median, last_third, per_minute } in &self.trends {
            let [first, median, last] = [first_third, median, last_third].map(|v| hundredths(*v));
            table.row([what.clone(), first, median, last, format!("{per_minute:+.3}")]);
        }
        write!(f, "{table}")
    }
}

fn range(low: f64, high: f64, number: fn(f64) -> String) -> String {
    format!("{}–{}", number(low), number(high))
}

fn optional(value: Option<f64>, number: fn(f64) -> String) -> String {
    value.map_or_else(dash, number)
}

fn dash() -> String {
    String::from("–")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn hundredths(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fsync, Outcomes, Sample, Spread, target};

    fn setup() -> Setup {
        Setup {
            server: String::from("Redis 7.0.15"),
            acceptors: 3,
            given: false,
            fsync: None,
            value_bytes: 100,
            rounds: 3,
            slice_ms: 1_000,
            window: 128,
            threads: 0,
            cores: 2,
        }
    }

    fn case(name: &str, rates: &[f64], of_raw_limit: f64) -> Figures {
        Figures {
            name: name.to_owned(),
            per_second: Spread::of(rates).unwrap(),
            of_raw_limit: Some(Ratio { of_medians: of_raw_limit, low: 0.9, high: 1.2 }),
            latency: None,
            outcomes: Outcomes { ok: 300_000, not_applied: 0, unknown: 0 },
            conflicts: None,
            least_served: None,
            cost: None,
            rounds_per_second: rates.to_vec(),
            rounds_p50_us: Vec::new(),
        }
    }

    fn busy(name: &str, rates: &[f64], of_raw_limit: f64) -> Figures {
        Figures {
            latency: Some(Latency {
                p50_us: 631.25,
                p99_us: 1_800.0,
                p999_us: 4_000.0,
                max_us: 9_000.0,
            }),
            outcomes: Outcomes { ok: 299_990, not_applied: 9, unknown: 1 },
            conflicts: Some(17),
            least_served: Some(0.96),
            cost: Some(Cost {
                cpu_us: 19.5,
                server_cpu_us: 11.25,
                script_us: Some(3.5),
                per_script: Some(7.9),
            }),
            ..case(name, rates, of_raw_limit)
        }
    }

    #[test]
    fn figures_stand_beside_their_targets() {
        let cases = vec![
            case("raw accept", &[99_000.0, 101_000.0, 100_000.0], 1.0),
            busy("changes 64/64", &[98_000.0, 102_000.0, 105_000.0], 1.02),
            busy("changes 512/512", &[118_000.0, 121_000.0, 120_000.0], 1.2),
            busy("contention 2×32/1", &[24_000.0, 25_000.0, 19_000.0], 0.24),
        ];
        let targets = target::targets(&cases);
        let report = Report { setup: setup(), cases, targets, soak: None };
        insta::assert_snapshot!(report);
    }

    #[test]
    fn a_soak_shows_trends() {
        let sample = |number: u32| Sample {
            at_s: f64::from(number) * 10.0,
            own_rss: 20 << 20,
            used_memory: vec![u64::from(number + 1) << 20, 2 << 20],
            keys: 128,
            per_second: 45_000.0,
        };
        let outcomes = Outcomes { ok: 1_350_000, not_applied: 2, unknown: 0 };
        let soak = Soak::of(0.2, outcomes, (1..=3).map(sample).collect());
        let setup = Setup { fsync: Some(Fsync::Always), threads: 1, ..setup() };
        let report = Report { setup, cases: Vec::new(), targets: Vec::new(), soak: Some(soak) };
        insta::assert_snapshot!(report);
    }
}
