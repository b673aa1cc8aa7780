//! What happens to which message. A script is asked about every message, in the order in which they come by, and so
//! counts messages and not seconds.

use crate::cut::Direction;

/// A message of PostgreSQL's protocol on its way.
#[derive(Debug)]
pub struct Message<'a> {
    /// Which connection, from 0, in the order in which they came.
    pub connection: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// How many messages passed before it since [`super::Proxy::count_anew`], both ways and all connections together.
    pub number: u64,
    /// Its type; 0 for the startup message, which has none.
    pub kind: u8,
    /// What follows the length.
    pub body: &'a [u8],
}

impl Message<'_> {
    /// A statement whose text holds this: a query of the simple protocol, or a Parse of the extended one.
    pub fn asks(&self, text: &str) -> bool {
        self.direction == Direction::ToServer
            && matches!(self.kind, b'Q' | b'P')
            && self.body.windows(text.len()).any(|piece| piece == text.as_bytes())
    }

    /// The server says that a command is done: its tag begins with this word.
    pub fn has_done(&self, tag: &str) -> bool {
        self.direction == Direction::ToClient && self.kind == b'C' && self.body.starts_with(tag.as_bytes())
    }

    /// The client waits for an answer from here on: what it said was a query, or a flight of messages that ends with Sync.
    pub fn ends_a_question(&self) -> bool {
        self.direction == Direction::ToServer && matches!(self.kind, b'Q' | b'S')
    }

    /// The server has answered, and waits.
    pub fn ends_an_answer(&self) -> bool {
        self.direction == Direction::ToClient && self.kind == b'Z'
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It goes on, and once more. Of a Sync, the whole flight that it ends comes once more.
    Twice,
    /// It is lost, and the connection stands.
    Swallow,
    /// It is lost, and the connection with it: both ends see the end of the stream.
    Cut,
    /// So many bytes of it go on, then the connection is cut.
    CutInside(usize),
    /// It is lost, and both ends get a reset.
    Reset,
    /// It is lost; its receiver sees the end of the stream, its sender notices nothing.
    HalfClose,
    /// From this message on nothing goes this way, until the proxy is healed.
    Stall,
    /// From this message on nothing goes either way, until the proxy is healed.
    StallBoth,
}

/// Asked about every message.
pub type Script = Box<dyn FnMut(&Message<'_>) -> Verdict + Send>;

/// Lets so many messages pass, both ways together, and does this to the next one. Once.
pub fn after_messages(messages: u64, verdict: Verdict) -> Script {
    let mut passed = 0;
    Box::new(move |_| {
        passed += 1;
        if passed == messages + 1 { verdict } else { Verdict::Pass }
    })
}

/// Does this to the first query that holds `text`. Once.
pub fn to_query(text: &'static str, verdict: Verdict) -> Script {
    let mut done = false;
    Box::new(move |message| {
        if done || !message.asks(text) {
            return Verdict::Pass;
        }
        done = true;
        verdict
    })
}

/// Lets queries that hold `text` through to their COMMIT, waits until the server says that it is done, and then loses
/// the whole answer with the connection. `which` is asked with the number of the query, from 1.
pub fn lose_answers(text: &'static str, mut which: impl FnMut(u64) -> bool + Send + 'static) -> Script {
    let (mut queries, mut losing) = (0, None);
    Box::new(move |message| {
        if message.asks(text) {
            queries += 1;
            losing = which(queries).then_some(message.connection);
            return Verdict::Pass;
        }
        if message.direction == Direction::ToServer || losing != Some(message.connection) {
            return Verdict::Pass;
        }
        if message.has_done("COMMIT") {
            losing = None;
            return Verdict::Cut;
        }
        // An error is no lost answer: it goes through, so that a test that meets one sees it.
        if message.kind == b'E' {
            losing = None;
            return Verdict::Pass;
        }
        Verdict::Swallow
    })
}

/// Delivers every query that holds `text` twice and its sender the second answer only: the server did it, and did it
/// again.
pub fn deliver_twice(text: &'static str) -> Script {
    let (mut asked, mut hiding) = (None, None);
    Box::new(move |message| {
        if message.asks(text) {
            asked = Some(message.connection);
        }
        if message.ends_a_question() && asked == Some(message.connection) {
            asked = None;
            hiding = Some(message.connection);
            return Verdict::Twice;
        }
        if message.direction == Direction::ToServer || hiding != Some(message.connection) {
            return Verdict::Pass;
        }
        if message.ends_an_answer() {
            hiding = None;
        }
        Verdict::Swallow
    })
}
