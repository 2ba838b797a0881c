//! `harness list`

use super::print;
use crate::environment::able;
use crate::exit::{End, Failure};
use workloads::{BUILT_IN, EnvironmentKind, FaultKind, Package, Workload};

pub(super) fn list() -> Result<End, Failure> {
    print(&text())?;
    Ok(End::Done)
}

fn text() -> String {
    let mut text = String::from("workloads\n");
    for workload in Workload::ALL {
        text += &format!("  {:<14} {}\n", workload.name(), workload.summary());
    }
    text += "\nscenarios that come along\n";
    for (name, summary, _) in BUILT_IN {
        text += &format!("  {name:<14} {summary}\n");
    }
    text += &faults();
    text += "\nenvironments\n  docker         Redis in containers, their links through a Toxiproxy; needs a Docker daemon\n  process        Redis servers on loopback; needs redis-server on the PATH\n  embedded       acceptors inside the harness, over real sockets; needs nothing\n  external       a cluster of services that is there, its links through its Toxiproxy\n";
    text
}

/// Which environment can do which faults, and which packages they are in.
fn faults() -> String {
    const PLACES: [EnvironmentKind; 4] = [
        EnvironmentKind::Docker,
        EnvironmentKind::Process,
        EnvironmentKind::Embedded,
        EnvironmentKind::External,
    ];
    let mut text = format!("\n{:<18} {:<72} {:<18}", "faults", "", "in the packages");
    for place in PLACES {
        text += &format!(" {:<8}", place.name());
    }
    for fault in FaultKind::ALL {
        let packages: Vec<_> = Package::of(*fault).iter().map(|package| package.name()).collect();
        let (name, packages) = (fault.name(), packages.join(" "));
        text = format!("{}\n  {name:<16} {:<72} {packages:<18}", text.trim_end(), fault.summary());
        for place in PLACES {
            let mark = if able(place).contains(fault) { "yes" } else { "no" };
            text += &format!(" {mark:<8}");
        }
    }
    format!(
        "{}\n  Faults of proposers need proposers of their own: --proposers process or container.\n  --faults all is whatever can be done; but tail-lost: it loses what was acknowledged, or has nothing to lose.\n",
        text.trim_end()
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_that_can_be_asked_for() {
        insta::assert_snapshot!(super::text());
    }
}
