//! All the randomness there is in a run, from one number.

use clara_local::Entropy;
use uuid::Uuid;

/// A small generator (splitmix64): good enough to choose by, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Another generator that depends on this seed and a label, and not on what was drawn before.
    pub fn of(seed: u64, label: u64) -> Self {
        let mut chance = Self::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ label.rotate_left(32));
        chance.next();
        chance
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and nobody iterates over it")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { usize::try_from(self.next() % end as u64).unwrap_or(0) }
    }

    /// Once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        times > 0 && self.next().is_multiple_of(times)
    }

    /// One of several; none of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len());
        from.get(at)
    }

    /// A uuid that looks like a random one.
    pub fn uuid(&mut self) -> Uuid {
        let high = u128::from(self.next());
        uuid::Builder::from_random_bytes(((high << 64) | u128::from(self.next())).to_be_bytes()).into_uuid()
    }
}

impl Entropy for Chance {
    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        for part in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            part.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}
