//! A disk that loses its power.
//!
//! What a file system promises, and no more:
//! - what was written to a file before a sync of that file that has returned is on the disk; a sync that has not returned
//!   promises nothing;
//! - of what was written since, anything may be there: none of it, all of it, any of the writes without the ones before
//!   them, and of one write any of its 512-byte sectors or a part that ends anywhere. A gap reads as zeros;
//! - a later write is never there without an earlier change of the file's length, which goes through the journal;
//! - a name (made, removed, moved) is there for good once its folder was synced. Names of one folder come to the disk in
//!   the order of their changes, those of two folders in any order; a move between two folders is in both or in neither.
//!   Syncing a file does not make its name last. ext4 and xfs promise more than that, POSIX does not;
//! - nothing that was once safe goes bad: that is the matter of `rot`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clara_tests::shift::Chance;

use crate::trace::{Event, Files, History, Name, Naming, Node, ROOT};

/// What becomes of writes that no sync has secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsynced {
    Dropped,
    Kept,
    /// Any of them, whole.
    Some,
    /// Any of them, in an order of the disk's own.
    Reordered,
    /// Any of their sectors.
    Sectors,
    /// All up to one that ends somewhere in the middle.
    Torn,
}

impl Unsynced {
    pub const ALL: [Self; 6] = [Self::Dropped, Self::Kept, Self::Some, Self::Reordered, Self::Sectors, Self::Torn];
}

/// What becomes of names whose folder was not synced since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    Dropped,
    Kept,
    /// In each folder as many as chance has it.
    Some,
}

const SECTOR: usize = 512;

/// What the power may not take.
struct Safe {
    content: Option<Vec<u8>>,
    /// Events since the last sync.
    pending: Vec<usize>,
}

/// A disk at one point of a history.
pub struct Disk<'h> {
    history: &'h History,
    files: Vec<Safe>,
    names: BTreeMap<Name, Node>,
    pending: Vec<usize>,
    /// It says that it has synced, and has not.
    pub lies: bool,
}

impl<'h> Disk<'h> {
    /// Before the first event.
    pub fn before(history: &'h History) -> Self {
        let files =
            history.nodes.iter().map(|content| Safe { content: content.clone(), pending: Vec::new() }).collect();
        Self { history, files, names: history.names.clone(), pending: Vec::new(), lies: false }
    }

    /// One event happens.
    pub fn advance(&mut self, at: usize) {
        match &self.history.events[at] {
            Event::Write { node, .. } | Event::Length { node, .. } => self.files[*node].pending.push(at),
            Event::Sync { node } if !self.lies => {
                let safe = &mut self.files[*node];
                for at in std::mem::take(&mut safe.pending) {
                    apply(self.history, safe.content.get_or_insert_default(), at);
                }
            }
            Event::SyncNames { folder } if !self.lies => {
                let due = self.pending.iter().filter(|at| self.touches(**at, *folder)).copied().collect();
                let due = self.with_what_came_before(due);
                self.pending.retain(|at| !due.contains(at));
                due.iter().for_each(|at| rename(self.history, &mut self.names, *at));
            }
            Event::Named(_) => self.pending.push(at),
            Event::Sync { .. } | Event::SyncNames { .. } | Event::Said(_) => {}
        }
    }

    fn touches(&self, at: usize, folder: Node) -> bool {
        matches!(&self.history.events[at], Event::Named(naming) if naming.folders().contains(&folder))
    }

    /// A change of names, and for each move between folders what came before it in both.
    fn with_what_came_before(&self, mut due: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let more: Vec<usize> = self
                .pending
                .iter()
                .filter(|earlier| {
                    !due.contains(earlier)
                        && due.iter().any(|later| {
                            let Event::Named(later_naming) = &self.history.events[*later] else { return false };
                            *earlier < later
                                && later_naming.folders().iter().any(|folder| self.touches(**earlier, *folder))
                        })
                })
                .copied()
                .collect();
            if more.is_empty() {
                return due;
            }
            due.extend(more);
        }
    }

    /// All that was written, as a process that goes on sees it.
    pub fn nothing_lost(&self) -> Files {
        self.after(Unsynced::Kept, Names::Kept, &mut Chance::of(0, 0))
    }

    /// What is there once the power is back.
    pub fn after(&self, unsynced: Unsynced, lasting: Names, chance: &mut Chance) -> Files {
        let names = self.names_after(lasting, chance);
        let mut files = Files::new();
        for (name, node) in &names {
            let Some(content) = &self.files[*node].content else { continue };
            let Some(path) = path(&names, name) else { continue };
            files.insert(path, self.content_after(content.clone(), &self.files[*node].pending, unsynced, chance));
        }
        files
    }

    fn names_after(&self, lasting: Names, chance: &mut Chance) -> BTreeMap<Name, Node> {
        let mut names = self.names.clone();
        let due: BTreeSet<usize> = match lasting {
            Names::Dropped => BTreeSet::new(),
            Names::Kept => self.pending.iter().copied().collect(),
            Names::Some => {
                let folders: BTreeSet<Node> =
                    self.pending.iter().filter_map(|at| named(self.history, *at)).flat_map(Naming::folders).collect();
                let mut due = BTreeSet::new();
                for folder in folders {
                    let of_folder: Vec<usize> =
                        self.pending.iter().filter(|at| self.touches(**at, folder)).copied().collect();
                    due.extend(of_folder.iter().take(chance.below(of_folder.len() + 1)));
                }
                self.with_what_came_before(due)
            }
        };
        due.iter().for_each(|at| rename(self.history, &mut names, *at));
        names
    }

    fn content_after(
        &self,
        mut content: Vec<u8>,
        pending: &[usize],
        unsynced: Unsynced,
        chance: &mut Chance,
    ) -> Vec<u8> {
        let history = self.history;
        let chosen: Vec<usize> = match unsynced {
            Unsynced::Dropped => Vec::new(),
            Unsynced::Kept | Unsynced::Sectors => pending.to_vec(),
            Unsynced::Some | Unsynced::Reordered => pending.iter().filter(|_| !chance.one_in(2)).copied().collect(),
            Unsynced::Torn => pending.iter().take(chance.below(pending.len() + 1)).copied().collect(),
        };
        let Some(last) = chosen.last().copied() else { return content };
        let lengths = pending.iter().filter(|at| matches!(history.events[**at], Event::Length { .. }));
        let mut order: Vec<usize> = chosen
            .iter()
            .chain(lengths.filter(|at| **at < last))
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if unsynced == Unsynced::Reordered {
            // Between two changes of length, in any order.
            let fixed = |at: &usize| matches!(history.events[*at], Event::Length { .. });
            for group in order.split_mut(fixed) {
                for place in (1..group.len()).rev() {
                    group.swap(place, chance.below(place + 1));
                }
            }
        }
        for at in order {
            match unsynced {
                Unsynced::Sectors => apply_sectors(history, &mut content, at, chance),
                Unsynced::Torn if at == last => apply_torn(history, &mut content, at, chance),
                _ => apply(history, &mut content, at),
            }
        }
        content
    }
}

fn named(history: &History, at: usize) -> Option<&Naming> {
    if let Event::Named(naming) = &history.events[at] { Some(naming) } else { None }
}

/// The whole of an event.
fn apply(history: &History, content: &mut Vec<u8>, at: usize) {
    match &history.events[at] {
        Event::Length { length, .. } => content.resize(*length, 0),
        Event::Write { at, bytes, .. } => land(content, *at, bytes),
        _ => {}
    }
}

fn land(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The sectors of a write that chance lets through.
fn apply_sectors(history: &History, content: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let Event::Write { at: start, bytes, .. } = &history.events[at] else { return apply(history, content, at) };
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(from + SECTOR - (start + from) % SECTOR);
        if chance.one_in(2) {
            land(content, start + from, &bytes[from..to]);
        }
        from = to;
    }
}

/// The beginning or the end of a write.
fn apply_torn(history: &History, content: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let Event::Write { at: start, bytes, .. } = &history.events[at] else { return apply(history, content, at) };
    let border = chance.below(bytes.len());
    let (from, to) = if chance.one_in(2) { (0, border) } else { (border, bytes.len()) };
    land(content, start + from, &bytes[from..to]);
}

fn rename(history: &History, names: &mut BTreeMap<Name, Node>, at: usize) {
    match named(history, at) {
        Some(Naming::Made { at, node }) => {
            names.insert(at.clone(), *node);
        }
        Some(Naming::Removed { at }) => {
            names.remove(at);
        }
        Some(Naming::Moved { from, to, node }) => {
            names.remove(from);
            names.insert(to.clone(), *node);
        }
        None => {}
    }
}

/// The path of a name; none where a folder above it has none.
fn path(names: &BTreeMap<Name, Node>, name: &Name) -> Option<PathBuf> {
    let mut path = PathBuf::from(&name.name);
    let mut folder = name.folder;
    while folder != ROOT {
        let (above, _) = names.iter().find(|(_, node)| **node == folder)?;
        path = PathBuf::from(&above.name).join(path);
        folder = above.folder;
    }
    Some(path)
}
