//! From the slices of a case to the figures that are shown.

use crate::BenchError;
use crate::meter::Costs;
use crate::slice::{Outcomes, Slice, histogram};
use crate::spread::{Ratio, Spread};
use std::time::Duration;

/// Everything that is known about one case.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Figures {
    /// The case.
    pub name: String,
    /// What ended well in a second. For a bare pipelined client: calls of all servers together,
    /// divided by the number of servers.
    pub per_second: Spread,
    /// That, over the rate of the raw accepts of the same run.
    pub of_raw_limit: Option<Ratio>,
    /// How long a call took; none where calls wait in a window.
    pub latency: Option<Latency>,
    /// How the calls ended.
    pub outcomes: Outcomes,
    /// Rounds that met another proposer, where the store counts them.
    pub conflicts: Option<u64>,
    /// What the loop that was served least got, as a share of the mean; the worst round.
    pub least_served: Option<f64>,
    /// What one call that ended well costs.
    pub cost: Option<Cost>,
    /// The rates of the rounds, in order.
    pub rounds_per_second: Vec<f64>,
    /// The median latencies of the rounds in microseconds, in order.
    pub rounds_p50_us: Vec<f64>,
}

/// How long calls took, in microseconds; of all calls, whatever their outcome.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Latency {
    /// Half took at most this.
    pub p50_us: f64,
    /// 99 of 100 took at most this.
    pub p99_us: f64,
    /// 999 of 1000 took at most this.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// What one operation costs, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Cost {
    /// Processor time of all processes, the benchmark's own loops among them.
    pub cpu_us: f64,
    /// Processor time of all servers.
    pub server_cpu_us: f64,
    /// Time within scripts at one server, by the servers' own account: what an accept costs where
    /// nothing is prepared. None where no script ran.
    pub script_us: Option<f64>,
    /// Operations that one call of a script carries, on the average.
    pub per_script: Option<f64>,
}

impl Figures {
    /// The figures of a case over its slices, round by round; none without a slice. `raw` are the
    /// rates of the raw accepts in the same rounds.
    pub(crate) fn of(
        name: &str,
        slices: &[Slice],
        raw: &[f64],
        servers: usize,
    ) -> Result<Option<Self>, BenchError> {
        let rates: Vec<_> = slices.iter().map(Slice::per_second).collect();
        let Some(per_second) = Spread::of(&rates) else { return Ok(None) };
        let mut latencies = histogram()?;
        let mut outcomes = Outcomes::default();
        let mut costs = Costs::default();
        for slice in slices {
            let added = latencies.add(&slice.latencies);
            added.map_err(|error| BenchError::Histogram(error.to_string()))?;
            outcomes.add(slice.outcomes);
            costs.add(slice.costs);
        }
        let known_conflicts = slices.iter().filter_map(|slice| slice.conflicts);
        Ok(Some(Self {
            name: name.to_owned(),
            per_second,
            of_raw_limit: Ratio::of(&rates, raw),
            latency: (!latencies.is_empty()).then(|| Latency {
                p50_us: micros(latencies.value_at_quantile(0.5)),
                p99_us: micros(latencies.value_at_quantile(0.99)),
                p999_us: micros(latencies.value_at_quantile(0.999)),
                max_us: micros(latencies.max()),
            }),
            outcomes,
            conflicts: known_conflicts.reduce(|sum, one| sum + one),
            least_served: slices.iter().filter_map(|s| s.least_served).reduce(f64::min),
            cost: (outcomes.ok > 0).then(|| Cost::of(costs, outcomes.ok, servers)),
            rounds_per_second: rates,
            rounds_p50_us: slices
                .iter()
                .map(|slice| micros(slice.latencies.value_at_quantile(0.5)))
                .collect(),
        }))
    }
}

impl Cost {
    fn of(costs: Costs, operations: u64, servers: usize) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / operations as f64;
        let ran = costs.scripts > 0;
        let parts = operations as f64 * servers as f64;
        Self {
            cpu_us: each(costs.own + costs.servers),
            server_cpu_us: each(costs.servers),
            script_us: ran.then(|| each(costs.in_scripts) / servers as f64),
            per_script: ran.then(|| parts / costs.scripts as f64),
        }
    }
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slice::{Outcome, Tally};

    fn slice(micros: &[u64]) -> Slice {
        let mut tally = Tally::default();
        for micros in micros {
            tally.count(Outcome::Ok, Duration::from_micros(*micros), true);
        }
        let costs = Costs {
            own: Duration::from_micros(40),
            servers: Duration::from_micros(60),
            scripts: 6,
            in_scripts: Duration::from_micros(48),
        };
        Slice { costs, ..Slice::of(Duration::from_secs(1), &[tally]).unwrap() }
    }

    #[test]
    fn costs_are_by_operation_and_scripts_by_server() {
        let figures = Figures::of("changes", &[slice(&[10; 4])], &[8.0], 3).unwrap().unwrap();
        let expected =
            Cost { cpu_us: 25.0, server_cpu_us: 15.0, script_us: Some(4.0), per_script: Some(2.0) };
        assert_eq!(figures.cost, Some(expected));
        assert_eq!(figures.of_raw_limit, Some(Ratio { of_medians: 0.5, low: 0.5, high: 0.5 }));
    }

    #[test]
    fn percentiles_are_of_all_rounds_together() {
        let fast = vec![100; 990];
        let slow = vec![5_000; 10];
        let figures = Figures::of("changes", &[slice(&fast), slice(&slow)], &[], 3);
        let latency = figures.unwrap().unwrap().latency.unwrap();
        // The histogram keeps three digits.
        assert!((latency.p50_us - 100.0).abs() < 0.2, "{latency:?}");
        assert!((latency.p99_us - 100.0).abs() < 0.2, "{latency:?}");
        assert!((latency.p999_us - 5_000.0).abs() < 5.0, "{latency:?}");
    }
}
