//! The verdict strip: the answer, why, and what it stands on.

use crate::Results;
use crate::wording::{count, figure};
use harness_history::{Proof, Verdict};
use maud::{Markup, html};

pub(super) fn section(results: &Results) -> Markup {
    let Results { metadata, total, faults, check, .. } = results;
    let proved = faults.iter().filter(|fault| fault.proof == Proof::Held).count();
    html! {
        header.strip.(results.verdict.name()) {
            p.run {
                (metadata.subject()) " · " (metadata.workload) " · " (metadata.environment)
                " · seed " (metadata.seed)
            }
            h1 {
                span.sign aria-hidden="true" { (sign(results.verdict)) }
                (results.verdict.name().to_uppercase())
                @if metadata.mutant.is_some() { span.subject { " " (metadata.subject()) } }
            }
            p.reason { (results.reason) }
            @if metadata.interrupted {
                p.note { "The run was cut short, and is judged by what is left of it." }
            }
            @for note in check.undecided.iter().chain(&check.left_out) { p.note { (note) } }
            dl.facts {
                div { dt { "Operations" } dd { (count(total.operations)) } }
                div.ok { dt { "ok" } dd { (count(total.ok)) } }
                div.fail { dt { "fail" } dd { (count(total.fail)) } }
                div.info { dt { "info" } dd { (count(total.info)) } }
                div { dt { "Faults verified" } dd {
                        @if faults.is_empty() { "none injected" } @else { (proved) " of " (faults.len()) }
                    } }
                div { dt { "Check took" } dd { (figure(check.seconds)) " s" } }
            }
            p.rerun {
                span.label { "Run it again" }
                code #rerun { (results.rerun) }
                button type="button" data-copies="rerun" hidden { "Copy" }
            }
        }
    }
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "✓",
        Verdict::Invalid => "✗",
        Verdict::Unknown => "?",
        Verdict::Inconclusive => "○",
        Verdict::Threshold => "!",
    }
}
