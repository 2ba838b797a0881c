//! The picture: calls above, what each acceptor held below, the moments from left to right.

use super::layout::{LEFT, Layout, Mark, Name, Placed};
use super::wire::{self, Wire};
use crate::page::diagram::fading;
use crate::wording::shortened;
use maud::{Markup, html};

/// Between the upper end of a message and its words, its line, and its lower end.
const WORDS: usize = 10;
const LINE: usize = 24;
const LONGEST_CLIENT: usize = 20;
const LONGEST_ACCEPTOR: usize = 8;
const INDENT: usize = 10;

/// The drawing, and before it the names once more: they stay in sight when it is scrolled.
pub(super) fn drawing(layout: &Layout) -> Markup {
    let Layout { width, height, .. } = layout;
    html! {
        div.lanes {
            svg.diagram.gutter viewBox=(format!("0 0 {LEFT} {height}")) width=(LEFT)
                height=(height) style=(format!("margin-right: -{LEFT}px")) aria-hidden="true" {
                (names(&layout.names))
            }
            svg.diagram viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
                role="img" aria-label="Calls of the clients above, states of the acceptors below" {
                (fading("lane-fading", "lane-open"))
                (names(&layout.names))
                (background(layout))
                @for mark in &layout.marks { (line(mark, layout)) }
                @for wire in &layout.wires { (fall(wire, &layout.boxes)) }
                @for placed in &layout.boxes { (stay(placed)) }
                @for wire in &layout.wires { (message(wire)) }
                @for mark in &layout.marks { (words(mark)) }
            }
        }
    }
}

fn names(names: &[Name]) -> Markup {
    html! {
        @for Name { y, text, class } in names {
            @let limit = if *class == "client" { LONGEST_CLIENT } else { LONGEST_ACCEPTOR };
            @let (x, anchor) = if *class == "part" { (LEFT - 12, "end") } else { (0, "start") };
            text.name.(class) x=(x) y=(y) text-anchor=(anchor) {
                title { (text) }
                (shortened(text, limit))
            }
        }
    }
}

/// The numbered moments, and the lines between the lanes.
fn background(layout: &Layout) -> Markup {
    let Layout { width, top, bottom, .. } = layout;
    html! {
        @for (number, x) in &layout.moments {
            line.lane x1=(x) x2=(x) y1=(top) y2=(bottom) {}
            text.number x=(x) y=(bottom + 12) text-anchor="middle" { (number) }
        }
        @for y in &layout.rules { line.rule x1="0" x2=(width) y1=(y) y2=(y) {} }
    }
}

fn line(mark: &Mark, layout: &Layout) -> Markup {
    html! {
        g.(mark.class) { line x1=(mark.x) x2=(mark.x) y1=(mark.y) y2=(layout.bottom) {} }
    }
}

fn words(mark: &Mark) -> Markup {
    let (x, anchor) = if mark.before { (mark.x - 6, "end") } else { (mark.x + 6, "start") };
    html! {
        g.(mark.class) {
            title { (mark.title) }
            text.words x=(x) y=(mark.y) text-anchor=(anchor) { (mark.text) }
        }
    }
}

/// A box, a hair narrower than its time, so that the next one stands apart.
fn stay(placed: &Placed) -> Markup {
    let Placed { left, right, y, height, stay } = placed;
    let open = stay.fades.then_some("url(#lane-open)");
    html! {
        g.bar.(stay.class) {
            title { (stay.title) }
            rect x=(left + 1) y=(y - height / 2) width=(right - left - 2) height=(height)
                rx="4" mask=[open] {}
            text x=(left + INDENT) y=(y) { (stay.label) }
        }
    }
}

/// From the call that sent a message down to its lane, behind everything else.
fn fall(wire: &Wire, boxes: &[Placed]) -> Markup {
    html! {
        @if let Some(call) = wire.sender.and_then(|sender| boxes.get(sender)) {
            line.fall x1=(wire.from) x2=(wire.from) y1=(call.y) y2=(wire.y + LINE) {}
        }
    }
}

fn message(wire: &Wire) -> Markup {
    let Wire { from, to, .. } = *wire;
    let y = wire.y + LINE;
    let end = if wire.lost {
        format!("M{} {}l8 8m0 -8l-8 8", to - 4, y - 4)
    } else {
        format!("M{} {}l6 4l-6 4", to - 6, y - 4)
    };
    html! {
        g.message {
            title { (wire.title) }
            circle cx=(from) cy=(y) r="3" {}
            line x1=(from) x2=(to) y1=(y) y2=(y) {}
            path d=(end) {}
            // Keeps the lines of other messages off the words.
            rect x=(from + 4) y=(wire.y) width=(wire.label.chars().count() * wire::CHARACTER)
                height=(2 * WORDS) {}
            text x=(from + 5) y=(wire.y + WORDS) { (wire.label) }
        }
    }
}
