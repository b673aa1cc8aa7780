//! Deliberately broken builds. The simulator must catch each; one that it does not catch shows that it looks away.

use std::fmt;

macro_rules! controls {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// One thing that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Control { $($(#[$doc])* $name,)+ }

        impl Control {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name on the command line.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

controls! {
    /// The cursor is a point in the order of beginnings: what commits late is passed over.
    TimestampCursor = "timestamp-cursor",
    /// No ledger: an operation that comes again takes effect again.
    LedgerOff = "ledger-off",
    /// The ledger is written and not looked at.
    DuplicateUndetected = "duplicate-undetected",
    /// Two laptops with one history are not told apart.
    CloneUndetected = "clone-undetected",
    /// Receipts go out before the commit, which may not happen.
    ReceiptBeforeCommit = "receipt-before-commit",
    /// Sites that leave a person's scope are not taken off the laptop.
    ScopeOff = "scope-off",
    /// Whoever asks may write anywhere.
    AuthorityOff = "authority-off",
    /// Hard deletes are not told.
    TombstonesIgnored = "tombstones-ignored",
    /// A merge takes the laptop's row as a whole and records nothing.
    LastWriterWins = "last-writer-wins",
    /// A server that was put back looks as if nothing had happened.
    RestoreUndetected = "restore-undetected",
    /// The server says stored without hashing what it has.
    PhotoHashOff = "photo-hash-off",
    /// An operation counts as done once it was sent.
    OutboxEmptiedAtSend = "outbox-emptied-at-send",
    /// What was in flight when a call failed stays so.
    NeverPutBack = "never-put-back",
    /// The cursor is saved before the rows.
    CursorFirst = "cursor-first",
    /// A crash takes the last save with it.
    FsyncOff = "fsync-off",
    /// A refused operation holds up whatever comes after it, of any aggregate.
    OneQueue = "one-queue",
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl std::str::FromStr for Control {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|control| control.word() == word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|control| control.word()).collect();
            format!("no control is called {word:?}; there are {}", known.join(", "))
        })
    }
}
