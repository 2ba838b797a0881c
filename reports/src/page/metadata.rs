//! What was run, where, and what the checker did.

use crate::wording::{count, counted, figure};
use crate::{CheckSummary, Results};
use harness_history::History;
use maud::{Markup, html};

pub(super) fn section(results: &Results, history: &History) -> Markup {
    let metadata = &results.metadata;
    html! {
        section #metadata aria-labelledby="metadata-title" {
            h2 #metadata-title { "The run" }
            dl.pairs {
                dt { "system" } dd { (metadata.system) }
                dt { "workload" } dd { (metadata.workload) }
                dt { "model" } dd { (metadata.model) }
                dt { "environment" } dd { (metadata.environment) }
                dt { "seed" } dd { (metadata.seed) }
                dt { "started" } dd { (metadata.started) }
                dt { "duration" } dd {
                    (figure(metadata.seconds)) " s"
                    @if metadata.interrupted { ", interrupted" }
                }
                dt { "host" } dd { (metadata.host) }
                @for (name, version) in &metadata.versions {
                    dt { (name) } dd { (version) }
                }
            }
            h3 { "The check" }
            (check(&results.check, history))
        }
    }
}

fn check(check: &CheckSummary, history: &History) -> Markup {
    html! {
        dl.pairs {
            dt { "keys" } dd { (count(check.keys)) }
            dt { "operations" } dd {
                (count(check.operations)) ", " (count(check.indeterminate)) " of them indeterminate"
            }
            dt { "events" } dd { (count(history.events.len())) }
            dt { "configurations" } dd { "at most " (count(check.configurations)) " held at once" }
            dt { "time" } dd { (figure(check.seconds)) " s" }
            @if let Some(why) = &check.undecided { dt { "undecided" } dd { (why) } }
            @if let Some(what) = &check.left_out { dt { "left out" } dd { (what) } }
            @if let Some(torn) = &history.torn {
                dt { "torn end" }
                dd { "line " (torn.line) ", of which there are " (counted(torn.bytes, "byte")) }
            }
        }
    }
}
