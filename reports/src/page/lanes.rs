//! A small failing run step by step: the picture, how to read it, and the same in words.
//!
//! | question | file |
//! |---|---|
//! | which moments are there, in which order? | `lanes/moment.rs` |
//! | where do moments stand? | `lanes/axis.rs` |
//! | what becomes a box: calls, promises, accepted values? | `lanes/stay.rs` |
//! | what becomes of disturbed messages? | `lanes/wire.rs` |
//! | where does everything stand? | `lanes/layout.rs` |
//! | how is it drawn? | `lanes/drawing.rs` |
//! | how is it told in words? | `lanes/story.rs` |

mod axis;
mod drawing;
mod layout;
mod moment;
mod stay;
mod story;
mod wire;

use super::scrolling;
use crate::Lanes;
use layout::Layout;
use maud::{Markup, html};

pub(super) fn section(lanes: &Lanes) -> Markup {
    let layout = Layout::of(lanes);
    html! {
        section #lanes aria-labelledby="lanes-title" {
            h2 #lanes-title { "What happened, step by step" }
            @if layout.moments.is_empty() {
                p { "Nothing happened to key " (lanes.key) "." }
            } @else {
                (legend(lanes))
                figure {
                    (scrolling("Picture of what happened", &drawing::drawing(&layout)))
                    figcaption { (caption(lanes)) }
                }
                h3 { "The same in words" }
                (scrolling("What happened, step by step", &story::table(lanes)))
            }
        }
    }
}

/// What one must know of the protocol to follow.
fn legend(lanes: &Lanes) -> Markup {
    html! {
        p.primer {
            "All of this is about key " code { (lanes.key) } ". Clients call proposers, and proposers ask "
            "acceptors, which keep the value. Every attempt of a proposer has a " strong { "ballot" }
            ": a number that grows and the name of the proposer, such as 2.p1. First it asks acceptors to promise "
            "that ballot. An acceptor that has " strong { "promised" } " a ballot refuses all lower ones, "
            "and tells what it has accepted so far. From the newest of these answers, the one with the "
            "highest ballot, the proposer makes the next value, and asks acceptors to take it. Once "
            "enough of them, a quorum, have " strong { "accepted" } " it under that ballot, the client is "
            "told that its call is done. A ballot must never stand for two values."
        }
    }
}

fn caption(lanes: &Lanes) -> Markup {
    html! {
        "Above, a bar for every call, from the call to its answer. Below, two strips for every "
        "acceptor: the ballot it has promised, and what it has accepted, as ballot = value; each value "
        "has a colour. The numbers are the moments of the table below; time is not to scale."
        @if !lanes.disturbed.is_empty() {
            " A dotted line is a message that went wrong; it hangs from the call that sent it where that "
            "is known, and ends with a cross where it was lost. Messages that arrived as they should are "
            "not drawn."
        }
        @if lanes.operations.iter().any(|call| call.ended.is_none()) {
            " A bar that fades out has no answer, and may take effect at any later point."
        }
    }
}

#[cfg(test)]
mod tests;
