//! A proxy that ends TLS on both sides, reads the messages that pass, and does to them what a script says. It shows the
//! server's own certificate, so a client that verifies it, and binds its login to it, is content.

mod end;
pub mod script;
mod wire;

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::end::{End, Tls};
pub use self::script::{Message, Script, Verdict};
use self::wire::{Frame, Frames};
use crate::cut::Direction;
use crate::error::{Error, Result};
use crate::server::Cluster;

/// What has come by since the start or since [`Proxy::count_anew`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections on which both handshakes went through.
    pub connections: u64,
    /// Messages from clients.
    pub to_server: u64,
    /// Messages from the server.
    pub to_client: u64,
    /// Messages to which a script did anything but let them pass.
    pub faults: u64,
}

impl Seen {
    /// Both ways.
    pub fn messages(&self) -> u64 {
        self.to_server + self.to_client
    }
}

/// See the module. Dropping it ends all its connections and closes its port.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    tls: Tls,
    server_port: u16,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    script: Option<Script>,
    stalled: [bool; 2],
    /// Bytes a second.
    speed: Option<u64>,
    seen: Seen,
    live: Vec<(u64, [Arc<End>; 2])>,
    next: u64,
    over: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("stalled", &self.stalled).field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// Whether a connection goes on after a message.
enum After {
    Goes,
    Ends,
    /// Its sender is heard out, and nobody listens.
    Deaf,
    Resets,
}

impl Proxy {
    /// Opens a proxy before this cluster.
    pub fn start(cluster: &Cluster) -> Result<Proxy> {
        let read = |name: &str| {
            let file = cluster.data().join(name);
            fs::read_to_string(&file).map_err(Error::file("cannot read", &file))
        };
        let tls = Tls::new(cluster.host(), cluster.ca_pem(), &read("server.crt")?, &read("server.key")?)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::system("no port for the proxy"))?;
        let port = listener.local_addr().map_err(Error::system("no port for the proxy"))?.port();
        let state = State {
            script: None,
            stalled: [false; 2],
            speed: None,
            seen: Seen::default(),
            live: Vec::new(),
            next: 0,
            over: false,
        };
        let shared =
            Arc::new(Shared { tls, server_port: cluster.port(), state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Ok(Proxy { port, shared, acceptor: Some(acceptor) })
    }

    /// The port clients connect to, in place of the server's, under the server's host name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Asks this script about every message from now on, in place of the one before.
    pub fn follow(&self, script: Script) {
        self.shared.lock().script = Some(script);
    }

    /// Lets nothing pass in one direction: the other end is heard, and not answered.
    pub fn stall(&self, direction: Direction) {
        self.shared.lock().stalled[index(direction)] = true;
    }

    /// Lets so many bytes a second pass, each way.
    pub fn slow_to(&self, bytes_a_second: u64) {
        self.shared.lock().speed = Some(bytes_a_second.max(1));
        self.shared.changed.notify_all();
    }

    /// Ends every connection now. New ones are accepted.
    pub fn cut(&self) {
        let live = std::mem::take(&mut self.shared.lock().live);
        for end in live.iter().flat_map(|(_, ends)| ends) {
            end.close();
        }
        self.shared.changed.notify_all();
    }

    /// Ends every disturbance, the script too. What was stalled goes on its way.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.script = None;
        state.stalled = [false; 2];
        state.speed = None;
        self.shared.changed.notify_all();
    }

    /// What has come by.
    pub fn seen(&self) -> Seen {
        self.shared.lock().seen
    }

    /// Begins to count at zero; returns what had come by.
    pub fn count_anew(&self) -> Seen {
        std::mem::take(&mut self.shared.lock().seen)
    }

    /// Waits until `condition` holds of what has come by, at most for `patience`; returns whether it does.
    pub fn wait_for(&self, patience: Duration, mut condition: impl FnMut(&Seen) -> bool) -> bool {
        let end = Instant::now() + patience;
        let mut state = self.shared.lock();
        while !condition(&state.seen) {
            if Instant::now() >= end {
                return false;
            }
            state = self.shared.wait_a_while(state, Duration::from_millis(50));
        }
        true
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.cut();
        let _wakes_it = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

fn index(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_a_while<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for accepted in listener.incoming() {
            if self.lock().over {
                return;
            }
            let Ok(socket) = accepted else { continue };
            let shared = Arc::clone(&self);
            // A handshake that goes wrong ends as a connection that ends.
            thread::spawn(move || shared.join(socket));
        }
    }

    fn join(self: Arc<Self>, socket: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server_port))?;
        let client = Arc::new(End::greet(socket, &self.tls)?);
        let server = Arc::new(End::ask(server, &self.tls)?);
        let mut state = self.lock();
        if state.over {
            return Ok(());
        }
        let number = state.next;
        state.next += 1;
        state.seen.connections += 1;
        state.live.push((number, [Arc::clone(&client), Arc::clone(&server)]));
        drop(state);
        self.changed.notify_all();
        for (direction, from, to) in [
            (Direction::ToServer, Arc::clone(&client), Arc::clone(&server)),
            (Direction::ToClient, Arc::clone(&server), Arc::clone(&client)),
        ] {
            let shared = Arc::clone(&self);
            thread::spawn(move || {
                let resets = shared.pump(number, direction, &from, &to);
                // Both ways: a connection of which one half is gone is of no use to either end.
                if !resets {
                    from.close();
                    to.close();
                }
                shared.lock().live.retain(|(n, _)| *n != number);
                shared.changed.notify_all();
            });
        }
        Ok(())
    }

    /// Carries one direction to its end; true if the sockets are to be reset by letting go of them.
    fn pump(&self, number: u64, direction: Direction, from: &End, to: &End) -> bool {
        let mut frames = Frames::new(direction == Direction::ToServer);
        let (mut plain, mut deaf) = (Vec::new(), false);
        // What a client has said since the server answered last.
        let mut flight = Vec::new();
        loop {
            plain.clear();
            if !from.read(&mut plain).unwrap_or(false) {
                // The end of a stream is as slow as the rest of it: a dead link does not tell that a client left.
                self.wait_while_stalled(number, direction);
                return !self.is_live(number);
            }
            frames.add(&plain);
            while let Some(frame) = frames.next() {
                if deaf {
                    continue;
                }
                if direction == Direction::ToServer {
                    flight.extend_from_slice(&frame.bytes);
                }
                let carried = self.carry(number, direction, &frame, &flight, to);
                if matches!(frame.kind, 0 | b'p' | b'Q' | b'S') {
                    flight.clear();
                }
                match carried {
                    After::Goes => {}
                    After::Ends => return false,
                    After::Deaf => deaf = true,
                    After::Resets => {
                        // No longer in the list, so that nobody shuts it down.
                        self.lock().live.retain(|(n, _)| *n != number);
                        from.prepare_reset();
                        to.prepare_reset();
                        return true;
                    }
                }
            }
        }
    }

    fn carry(&self, number: u64, direction: Direction, frame: &Frame, flight: &[u8], to: &End) -> After {
        let mut state = self.lock();
        let message = Message {
            connection: number,
            direction,
            number: state.seen.messages(),
            kind: frame.kind,
            body: frame.body(),
        };
        let verdict = state.script.as_mut().map_or(Verdict::Pass, |script| script(&message));
        state.seen.faults += u64::from(verdict != Verdict::Pass);
        match verdict {
            Verdict::Stall => state.stalled[index(direction)] = true,
            Verdict::StallBoth => state.stalled = [true; 2],
            _ => {}
        }
        drop(state);
        self.changed.notify_all();
        self.wait_while_stalled(number, direction);
        let send = |bytes: &[u8]| to.write(bytes, |socket, out| self.send(number, socket, out));
        let sent = match verdict {
            Verdict::Pass | Verdict::Stall | Verdict::StallBoth => send(&frame.bytes),
            Verdict::Twice => {
                let again = if frame.kind == b'S' { flight } else { &frame.bytes };
                send(&frame.bytes).and_then(|()| send(again))
            }
            Verdict::Swallow => Ok(()),
            Verdict::CutInside(bytes) => {
                let _cut_anyway = send(frame.bytes.get(..bytes).unwrap_or(&frame.bytes));
                return After::Ends;
            }
            Verdict::Cut => return After::Ends,
            Verdict::Reset => return After::Resets,
            Verdict::HalfClose => {
                to.close_outgoing();
                return After::Deaf;
            }
        };
        let mut state = self.lock();
        match direction {
            Direction::ToServer => state.seen.to_server += 1,
            Direction::ToClient => state.seen.to_client += 1,
        }
        drop(state);
        self.changed.notify_all();
        if sent.is_ok() { After::Goes } else { After::Ends }
    }

    fn is_live(&self, number: u64) -> bool {
        self.lock().live.iter().any(|(n, _)| *n == number)
    }

    fn wait_while_stalled(&self, number: u64, direction: Direction) {
        let mut state = self.lock();
        while state.stalled[index(direction)] && state.live.iter().any(|(n, _)| *n == number) {
            state = self.wait_a_while(state, Duration::from_millis(50));
        }
    }

    /// Puts bytes on the wire, as fast as is allowed.
    fn send(&self, number: u64, mut socket: &TcpStream, mut out: &[u8]) -> io::Result<()> {
        while !out.is_empty() {
            let state = self.lock();
            let Some(speed) = state.speed else {
                drop(state);
                return socket.write_all(out);
            };
            // Ten pieces a second, or one byte at a time below that.
            let piece = usize::try_from(speed / 10).unwrap_or(usize::MAX).clamp(1, out.len());
            let pause = Duration::from_secs_f64(piece as f64 / speed as f64);
            let mut state = state;
            let end = Instant::now() + pause;
            while state.speed.is_some() && Instant::now() < end {
                if !state.live.iter().any(|(n, _)| *n == number) {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                state = self.wait_a_while(state, end.saturating_duration_since(Instant::now()));
            }
            drop(state);
            socket.write_all(out.get(..piece).unwrap_or_default())?;
            out = out.get(piece..).unwrap_or_default();
        }
        Ok(())
    }
}
