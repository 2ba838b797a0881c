//! `harness list`

use super::print;
use crate::environment::able;
use crate::exit::{End, Failure};
use workloads::{BUILT_IN, EnvironmentKind, FaultKind, Workload};

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
    text += &format!("\n{:<89} process  embedded\n", "faults");
    let mark = |kind, fault| if able(kind).contains(fault) { "yes" } else { "no" };
    for fault in FaultKind::ALL {
        let (process, embedded) =
            (mark(EnvironmentKind::Process, fault), mark(EnvironmentKind::Embedded, fault));
        text +=
            &format!("  {:<14} {:<72} {process:<8} {embedded}\n", fault.name(), fault.summary());
    }
    text += "\nenvironments\n  process        Redis servers on loopback; needs redis-server on the PATH\n  embedded       acceptors inside the harness, over real sockets; needs nothing\n";
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_that_can_be_asked_for() {
        insta::assert_snapshot!(super::text());
    }
}
