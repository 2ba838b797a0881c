//! Where moments stand from left to right.

use super::moment::Moment;
use std::collections::BTreeMap;

/// Between one moment and the next, at least.
const STEP: usize = 30;

/// Something that lasts, and the room that it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: Moment,
    /// Absent when it lasts to the end.
    pub(super) to: Option<Moment>,
    pub(super) room: usize,
}

/// The horizontal place of every moment, in pixels.
#[derive(Debug)]
pub(super) struct Axis {
    places: BTreeMap<Moment, usize>,
    left: usize,
    end: usize,
}

impl Axis {
    /// Places the moments to the right of `left`: evenly, however long it was between them, but
    /// further apart where something that lasts from one to another needs more room.
    pub(super) fn new(
        moments: impl Iterator<Item = Moment>,
        left: usize,
        spans: impl Iterator<Item = Span>,
    ) -> Self {
        let (closed, open): (Vec<_>, Vec<_>) = spans.partition(|span| span.to.is_some());
        let mut ending: BTreeMap<Moment, Vec<Span>> = BTreeMap::new();
        for span in closed {
            ending.entry(span.to.unwrap_or(span.from)).or_default().push(span);
        }
        let mut axis = Self { places: BTreeMap::new(), left, end: left };
        for moment in moments {
            let spans = ending.remove(&moment).unwrap_or_default();
            let x = spans.iter().map(|span| axis.after(span)).fold(axis.end, usize::max);
            axis.places.insert(moment, x);
            axis.end = x + STEP;
        }
        axis.end = open.iter().map(|span| axis.after(span)).fold(axis.end, usize::max);
        axis
    }

    fn after(&self, span: &Span) -> usize {
        self.x(span.from) + span.room
    }

    /// Where a moment stands.
    pub(super) fn x(&self, moment: Moment) -> usize {
        self.places.get(&moment).copied().unwrap_or(self.left)
    }

    /// Where everything is over that was given room.
    pub(super) const fn end(&self) -> usize {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(time: usize) -> Moment {
        Moment { time: time as u64, tie: 0 }
    }

    #[test]
    fn moments_are_evenly_spaced_however_long_it_was_between_them() {
        let moments = [3, 4, 9000].map(moment);
        let axis = Axis::new(moments.into_iter(), 100, std::iter::empty());
        assert_eq!(moments.map(|moment| axis.x(moment)), [100, 130, 160]);
        assert_eq!(axis.end(), 190);
    }

    proptest! {
        #[test]
        fn everything_has_the_room_that_it_needs(
            spans in prop::collection::vec((0_usize..20, 1_usize..9, 0_usize..300, any::<bool>()), 0..12)
        ) {
            let spans: Vec<_> = spans
                .into_iter()
                .map(|(from, length, room, open)| Span {
                    from: moment(from),
                    to: (!open).then(|| moment(from + length)),
                    room,
                })
                .collect();
            let axis = Axis::new((0..30).map(moment), 50, spans.iter().copied());
            for span in &spans {
                let end = span.to.map_or_else(|| axis.end(), |to| axis.x(to));
                prop_assert!(end >= axis.x(span.from) + span.room);
            }
            for place in 1..30 {
                prop_assert!(axis.x(moment(place)) >= axis.x(moment(place - 1)) + STEP);
            }
        }
    }
}
