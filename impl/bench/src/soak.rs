//! Whether memory stays flat under load: samples, and what they say together.

use crate::slice::Outcomes;
use crate::spread::Spread;

/// What a soak came to.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Soak {
    /// Share of the changes that were deletes.
    pub delete_share: f64,
    /// What ended well in a second, over the samples.
    pub per_second: Option<Spread>,
    /// How the calls ended.
    pub outcomes: Outcomes,
    /// Memory of this process and of each server, and keys of all servers.
    pub trends: Vec<Trend>,
    /// Everything that was seen, in order of time.
    pub samples: Vec<Sample>,
}

/// What was seen at one moment, between two slices of load.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Sample {
    /// Seconds since the load began.
    pub at_s: f64,
    /// Resident memory of this process, in bytes.
    pub own_rss: u64,
    /// `used_memory` of each server, in bytes.
    pub used_memory: Vec<u64>,
    /// Keys of all servers together.
    pub keys: u64,
    /// What ended well in a second since the sample before.
    pub per_second: f64,
}

/// How one quantity went.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trend {
    /// What it is.
    pub what: String,
    /// The median of the first third of samples.
    pub first_third: f64,
    /// The median of all samples.
    pub median: f64,
    /// The median of the last third of samples.
    pub last_third: f64,
    /// By how much it grew a minute, by least squares over all samples.
    pub per_minute: f64,
}

impl Soak {
    /// The trends of these samples.
    pub(crate) fn of(delete_share: f64, outcomes: Outcomes, samples: Vec<Sample>) -> Self {
        let servers = samples.first().map_or(0, |sample| sample.used_memory.len());
        let own = trend("own RSS, MiB", &samples, |sample| mebibytes(sample.own_rss));
        let used = (0..servers).map(|server| {
            let what = format!("server {} used, MiB", server + 1);
            trend(&what, &samples, |sample| mebibytes(sample.used_memory[server]))
        });
        let keys = trend("keys of all servers", &samples, |sample| sample.keys as f64);
        let rates: Vec<_> = samples.iter().map(|sample| sample.per_second).collect();
        let trends = [own].into_iter().chain(used).chain([keys]).flatten().collect();
        Self { delete_share, per_second: Spread::of(&rates), outcomes, trends, samples }
    }
}

fn trend(what: &str, samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<Trend> {
    let values: Vec<_> = samples.iter().map(value).collect();
    let minutes: Vec<_> = samples.iter().map(|sample| sample.at_s / 60.0).collect();
    let third = values.len().div_ceil(3);
    Some(Trend {
        what: what.to_owned(),
        first_third: Spread::of(&values[..third])?.median,
        median: Spread::of(&values)?.median,
        last_third: Spread::of(&values[values.len() - third..])?.median,
        per_minute: slope(&minutes, &values),
    })
}

/// The slope of the line that lies closest to the points; 0 where all are at one place.
fn slope(xs: &[f64], ys: &[f64]) -> f64 {
    let count = xs.len() as f64;
    let (middle_x, middle_y) = (xs.iter().sum::<f64>() / count, ys.iter().sum::<f64>() / count);
    let along: f64 = xs.iter().map(|x| (x - middle_x).powi(2)).sum();
    let both: f64 = xs.iter().zip(ys).map(|(x, y)| (x - middle_x) * (y - middle_y)).sum();
    if along > 0.0 { both / along } else { 0.0 }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: f64, own_mebibytes: u64) -> Sample {
        let own_rss = own_mebibytes << 20;
        Sample { at_s, own_rss, used_memory: vec![1 << 20], keys: 5, per_second: 10.0 }
    }

    #[test]
    fn growth_and_flatness_are_distinguished() {
        let samples = (0..9).map(|index| sample(index as f64 * 30.0, 20 + index)).collect();
        let soak = Soak::of(0.2, Outcomes::default(), samples);
        let [own, server, keys] = soak.trends.as_slice() else { panic!("{:?}", soak.trends) };
        assert_eq!((own.first_third, own.median, own.last_third), (21.0, 24.0, 27.0));
        assert!((own.per_minute - 2.0).abs() < 1e-9);
        assert_eq!((server.first_third, server.last_third, server.per_minute), (1.0, 1.0, 0.0));
        assert_eq!(keys.median, 5.0);
    }

    #[test]
    fn a_single_sample_has_no_slope() {
        let soak = Soak::of(0.2, Outcomes::default(), vec![sample(0.0, 20)]);
        assert_eq!(soak.trends[0].per_minute, 0.0);
        assert_eq!(Soak::of(0.2, Outcomes::default(), Vec::new()).trends, []);
    }
}
