//! Chance that is the same in every run.

use uuid::Uuid;

/// Chance that repeats itself: equal seeds, equal days.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// For a seed and a place in the story.
    pub fn of(seed: u64, place: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place.wrapping_mul(0xd1b5_4a32_d192_ed03));
        chance.draw();
        chance
    }

    /// The next 64 bits (SplitMix64).
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`; 0 where that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.draw() % (limit.max(1) as u64)).unwrap_or(0)
    }

    /// Once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.draw().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// Letters: at least 8, fewer than 8 and `most`.
    pub fn text(&mut self, most: usize) -> String {
        let length = 8 + self.below(most);
        self.bytes(length).iter().map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    /// An id.
    pub fn id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes((u128::from(self.draw()) << 64 | u128::from(self.draw())).to_be_bytes())
            .into_uuid()
    }
}
