//! Who and what there is in the small company; see `company.sql`.

use uuid::Uuid;

/// Ana, a technician.
pub const ANA: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_0000000000a1);
/// Ben, a technician.
pub const BEN: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_0000000000b1);
/// Mo, the manager.
pub const MO: Uuid = Uuid::from_u128(0x00000000_0000_4000_8000_0000000000c1);
/// A site of Ana's and Ben's.
pub const TOWER: Uuid = Uuid::from_u128(0x30000000_0000_4000_8000_000000000001);
/// A site of Ana's.
pub const SCHOOL: Uuid = Uuid::from_u128(0x30000000_0000_4000_8000_000000000002);
/// A site of nobody's.
pub const MALL: Uuid = Uuid::from_u128(0x30000000_0000_4000_8000_000000000003);
/// Ana's job at the tower.
pub const ANAS_JOB: Uuid = Uuid::from_u128(0x50000000_0000_4000_8000_000000000001);
/// Ben's job at the tower.
pub const BENS_JOB: Uuid = Uuid::from_u128(0x50000000_0000_4000_8000_000000000002);
/// Ana's job at the school.
pub const SCHOOL_JOB: Uuid = Uuid::from_u128(0x50000000_0000_4000_8000_000000000003);

/// Item 1 to 9: three at each site.
pub fn item(n: u128) -> Uuid {
    Uuid::from_u128(0x40000000_0000_4000_8000_000000000000 + n)
}
