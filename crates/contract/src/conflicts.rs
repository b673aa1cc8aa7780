//! Fields on which two people differed, and work that waits for a decision.

use clara_domain::ConflictId;
use clara_domain::operation::Side;
use uuid::Uuid;

wire! {
    /// One field on which two people differed.
    pub struct ConflictCard {
        /// Which.
        pub conflict_id: ConflictId,
        /// "Where FP-1 is".
        pub title: String,
        /// What the laptop had started from.
        pub before: Option<String>,
        /// What the laptop sent.
        pub client: Option<String>,
        /// Who, and when.
        pub client_by: String,
        /// What stood on the server.
        pub server: Option<String>,
        /// Who, and when.
        pub server_by: String,
        /// Which of the two stands now.
        pub chosen: Side,
        /// The client's value is mine.
        pub mine: bool,
        /// Both joined, where they are text.
        pub both: Option<String>,
        /// Why the rule chose as it did.
        pub why: String,
        /// RFC 3339.
        pub created_at: String,
        /// Already decided.
        pub resolution: Option<String>,
    }

    /// Decides a conflict.
    pub struct ResolveConflict {
        /// Which.
        pub conflict_id: ConflictId,
        /// How.
        pub keep: Keep,
        /// The text, where both are kept.
        pub value: Option<String>,
    }

    /// How a conflict ends.
    #[derive(Copy, Eq)]
    pub enum Keep {
        /// What the laptop sent.
        Client,
        /// What stood on the server.
        Server,
        /// A text of both.
        Both,
    }

    /// Work that a manager may accept or decline.
    pub struct ParkedCard {
        /// Which.
        #[ts(type = "string")]
        pub id: Uuid,
        /// "Inspection of E-14".
        pub title: String,
        /// Whose work it is.
        pub author: String,
        /// Why it waits.
        pub why: String,
        /// RFC 3339.
        pub received_at: String,
        /// What is in it, in lines.
        pub lines: Vec<(String, String)>,
        /// Already decided.
        pub decision: Option<String>,
    }

    /// Decides parked work.
    pub struct DecideParked {
        /// Which.
        #[ts(type = "string")]
        pub id: Uuid,
        /// It takes effect, with its author kept; otherwise it stays on record without effect.
        pub accept: bool,
        /// Why.
        pub note: Option<String>,
    }
}
