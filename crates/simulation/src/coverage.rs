//! Which kinds of operation met which, on the same row and on others, and under which fault. What never met was never
//! tried.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use clara_domain::mirror::Entity;
use clara_domain::operation::OpKind;
use uuid::Uuid;

use crate::fault::Fault;

/// Every kind of operation that laptops make.
pub const KINDS: &[(Entity, OpKind)] = &[
    (Entity::Jobs, OpKind::Insert),
    (Entity::Jobs, OpKind::Update),
    (Entity::Jobs, OpKind::Delete),
    (Entity::EquipmentInventory, OpKind::Insert),
    (Entity::EquipmentInventory, OpKind::Update),
    (Entity::EquipmentInventory, OpKind::Delete),
    (Entity::JobEquipment, OpKind::Insert),
    (Entity::JobEquipment, OpKind::Update),
    (Entity::JobEquipment, OpKind::Delete),
    (Entity::InspectionRecords, OpKind::Insert),
    (Entity::DataCaptureLogs, OpKind::Insert),
    (Entity::Photos, OpKind::Insert),
    (Entity::Photos, OpKind::Update),
    (Entity::Photos, OpKind::Delete),
    (Entity::Locations, OpKind::Update),
    (Entity::PerformanceMetrics, OpKind::Insert),
    (Entity::Conflicts, OpKind::Update),
    (Entity::ParkedOperations, OpKind::Insert),
    (Entity::ParkedOperations, OpKind::Update),
];

/// What met in fewer runs is told: a change of the product may take the last one away.
const FEW: u32 = 6;

/// How many steps two things may lie apart and still have met.
const WINDOW: usize = 60;

/// A position in [`KINDS`].
fn number(entity: Entity, kind: OpKind) -> Option<u8> {
    KINDS.iter().position(|known| *known == (entity, kind)).and_then(|at| u8::try_from(at).ok())
}

#[derive(Debug, Clone)]
struct Met {
    step: usize,
    kind: u8,
    row: Uuid,
}

/// Kinds of two operations, and whether they were about one row.
type Pair = (u8, u8, bool);

/// What met in one run, or in many.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    recent: VecDeque<Met>,
    faults: VecDeque<(usize, Fault)>,
    pairs: BTreeMap<Pair, u32>,
    /// By fault: in how many of the joined runs a pair met it.
    runs: BTreeMap<Pair, Vec<u32>>,
}

/// What a whole run has met.
#[derive(Debug, Default)]
pub struct Tally {
    /// Pairs of kinds that can meet, times faults.
    pub cells: usize,
    /// Those that never met.
    pub empty: Vec<String>,
    /// The rarest of the others, and in how many runs they met.
    pub rare: Vec<(u32, String)>,
}

fn bit(fault: Fault) -> u32 {
    Fault::ALL.iter().position(|known| *known == fault).map_or(0, |at| 1 << at)
}

impl Coverage {
    fn forget(&mut self, step: usize) {
        while self.recent.front().is_some_and(|met| met.step + WINDOW < step) {
            self.recent.pop_front();
        }
        while self.faults.front().is_some_and(|(at, _)| at + WINDOW < step) {
            self.faults.pop_front();
        }
    }

    /// An operation was saved.
    pub fn saved(&mut self, step: usize, entity: Entity, kind: OpKind, row: Uuid) {
        let Some(kind) = number(entity, kind) else { return };
        self.forget(step);
        let mask = self.faults.iter().fold(0, |mask, (_, fault)| mask | bit(*fault));
        for before in &self.recent {
            *self.pairs.entry((before.kind, kind, before.row == row)).or_default() |= mask;
        }
        self.recent.push_back(Met { step, kind, row });
    }

    /// Something went wrong.
    pub fn went_wrong(&mut self, step: usize, fault: Fault) {
        self.forget(step);
        if !self.faults.iter().any(|(_, known)| *known == fault) {
            let met: Vec<&Met> = self.recent.iter().collect();
            for (at, second) in met.iter().enumerate() {
                for first in met.iter().take(at) {
                    *self.pairs.entry((first.kind, second.kind, first.row == second.row)).or_default() |= bit(fault);
                }
            }
        }
        self.faults.push_back((step, fault));
    }

    /// Takes what another run has met.
    pub fn join(&mut self, other: &Coverage) {
        for (pair, mask) in &other.pairs {
            let runs = self.runs.entry(*pair).or_insert_with(|| vec![0; Fault::ALL.len()]);
            for (fault, runs) in Fault::ALL.iter().zip(runs) {
                *runs += u32::from(mask & bit(*fault) != 0);
            }
        }
    }

    /// Whether two operations of these kinds can be about one row at all, in this order.
    fn can_share(first: (Entity, OpKind), second: (Entity, OpKind)) -> bool {
        first.0 == second.0
            && second.1 != OpKind::Insert
            // What is deleted is not seen any more, and what was never sent is not deleted but taken back.
            && first.1 != OpKind::Delete
    }

    /// Every cell that a whole run must fill, and those that it did not, or rarely.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (a, first) in KINDS.iter().enumerate() {
            for (b, second) in KINDS.iter().enumerate() {
                for shared in [false, true] {
                    if shared && !Self::can_share(*first, *second) {
                        continue;
                    }
                    let key = (u8::try_from(a).unwrap_or(0), u8::try_from(b).unwrap_or(0), shared);
                    let runs = self.runs.get(&key);
                    for (at, fault) in Fault::ALL.iter().enumerate() {
                        tally.cells += 1;
                        let met = runs.and_then(|runs| runs.get(at)).copied().unwrap_or(0);
                        if met < FEW {
                            let mut text = String::new();
                            let _ = write!(text, "{:?} {} then {:?} {}", first.1, first.0, second.1, second.0);
                            let row = if shared { "the same row" } else { "another row" };
                            let _ = write!(text, " on {row} under {}", fault.word());
                            if met == 0 { tally.empty.push(text) } else { tally.rare.push((met, text)) }
                        }
                    }
                }
            }
        }
        tally.rare.sort();
        tally
    }
}
