//! Fingerprints of states.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Two independent hashes at once: with 128 bits, passing over a new state as known is not to be
/// feared.
pub(super) struct Fingerprint(DefaultHasher, DefaultHasher);

impl Fingerprint {
    /// The fingerprint of whatever is handed in.
    pub(super) fn of(hash: impl FnOnce(&mut Self)) -> (u64, u64) {
        let mut second = DefaultHasher::new();
        1_u8.hash(&mut second);
        let mut fingerprint = Self(DefaultHasher::new(), second);
        hash(&mut fingerprint);
        (fingerprint.0.finish(), fingerprint.1.finish())
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}
