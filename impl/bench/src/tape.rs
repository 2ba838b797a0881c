//! Calls written down before they are sent, one after the other, for all servers alike.

/// A row of calls, numbered from zero, that grows as it is used.
pub(crate) struct Tape<'a> {
    bytes: Vec<u8>,
    /// Where each call ends.
    ends: Vec<usize>,
    make: &'a mut dyn FnMut() -> Vec<u8>,
}

impl<'a> Tape<'a> {
    /// An empty tape, whose calls `make` makes.
    pub(crate) fn of(make: &'a mut dyn FnMut() -> Vec<u8>) -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), make }
    }

    /// Has at least the first `calls` calls at hand.
    pub(crate) fn reach(&mut self, calls: usize) {
        while self.ends.len() < calls {
            self.bytes.extend_from_slice(&(self.make)());
            self.ends.push(self.bytes.len());
        }
    }

    /// The bytes from this one to the end of the first `calls` calls, which must be at hand.
    pub(crate) fn upto(&self, from: usize, calls: usize) -> &[u8] {
        let end = calls.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.bytes[from..end.max(from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_made_once_and_found_by_its_number() {
        let mut made = 0_u8;
        let mut make = || {
            made += 1;
            vec![made; usize::from(made)]
        };
        let mut tape = Tape::of(&mut make);
        tape.reach(2);
        tape.reach(3);
        tape.reach(1);
        assert_eq!(tape.upto(0, 3), [1, 2, 2, 3, 3, 3]);
        assert_eq!(tape.upto(1, 2), [2, 2]);
        assert_eq!(tape.upto(2, 1), [] as [u8; 0]);
        assert_eq!(tape.upto(0, 0), [] as [u8; 0]);
    }
}
