//! A line between a client and a server that can be cut. It passes bytes on as they are, so the client still verifies
//! the server's own certificate through it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::port;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// What has passed since the start or since [`Cut::count_anew`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes from clients.
    pub to_server: u64,
    /// Bytes from the server.
    pub to_client: u64,
    /// How often the server answered after a client had spoken: round trips, those of the handshakes included.
    pub round_trips: u64,
    /// How often live connections were cut.
    pub cuts: u64,
}

/// The line. Dropping it cuts everything and closes its port.
#[derive(Debug)]
pub struct Cut {
    near: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// The acceptor has its port open.
    listening: bool,
    server: SocketAddr,
    delay: Duration,
    /// Bytes that may still pass before the cut.
    budget: Option<(Direction, u64)>,
    traffic: Traffic,
    live: Vec<Live>,
    next: u64,
}

#[derive(Debug)]
struct Live {
    number: u64,
    ends: [TcpStream; 2],
    client_spoke: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything passes.
    Open,
    /// Connections stand, nothing passes.
    Held,
    /// The port is closed.
    Refusing,
    /// The line is being dropped.
    Over,
}

impl Cut {
    /// Opens a line to a server's port on the loopback interface.
    pub fn start(server_port: u16) -> Result<Cut> {
        Cut::between(Ipv4Addr::LOCALHOST, SocketAddr::from((Ipv4Addr::LOCALHOST, server_port)))
    }

    /// Opens a line from one of this machine's addresses to another: a laptop in a network of its own is reached so.
    pub fn between(near: Ipv4Addr, server: SocketAddr) -> Result<Cut> {
        let (near, listener) = listen(near)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                mode: Mode::Open,
                listening: true,
                server,
                delay: Duration::ZERO,
                budget: None,
                traffic: Traffic::default(),
                live: Vec::new(),
                next: 0,
            }),
            changed: Condvar::new(),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(near, listener)
        });
        Ok(Cut { near, shared, acceptor: Some(acceptor) })
    }

    /// The port clients connect to, in place of the server's, under the server's host name.
    pub fn port(&self) -> u16 {
        self.near.port()
    }

    /// Cuts all connections now. New ones are accepted.
    pub fn cut(&self) {
        self.shared.lock().cut();
    }

    /// Lets exactly `bytes` more pass in one direction, over all connections together; the next byte is lost and cuts
    /// all of them. Once. `(ToClient, 0)` lets a request through and loses its answer.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.lock().budget = Some((direction, bytes));
    }

    /// Lets connections stand and nothing pass, in either direction: a dead radio link. What was sent meanwhile is
    /// delivered by [`Cut::heal`], as TCP would, or lost by [`Cut::cut`].
    pub fn black_hole(&self) {
        self.shared.lock().mode = Mode::Held;
    }

    /// Cuts all connections and closes the port: connection refused.
    pub fn refuse(&self) {
        let mut state = self.shared.lock();
        state.mode = Mode::Refusing;
        state.cut();
        self.shared.changed.notify_all();
        while state.listening {
            drop(state);
            // Wakes the acceptor from its wait for a connection.
            let _ = TcpStream::connect(self.near);
            state = self.shared.lock();
            if state.listening {
                state = self.shared.wait_a_while(state);
            }
        }
    }

    /// Ends every disturbance, also one that is armed and has not happened.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.mode = Mode::Open;
        state.budget = None;
        state.delay = Duration::ZERO;
        self.shared.changed.notify_all();
        while !state.listening {
            state = self.shared.wait_a_while(state);
        }
    }

    /// Holds every piece of data up for this long, in each direction.
    pub fn delay(&self, by: Duration) {
        self.shared.lock().delay = by;
    }

    /// Sends new connections to another port: a server that moved, or a fake one.
    pub fn lead_to(&self, server_port: u16) {
        self.shared.lock().server = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
    }

    /// What has passed.
    pub fn traffic(&self) -> Traffic {
        self.shared.lock().traffic
    }

    /// Begins to count at zero; returns what had passed.
    pub fn count_anew(&self) -> Traffic {
        std::mem::take(&mut self.shared.lock().traffic)
    }

    /// How many connections stand now.
    pub fn live(&self) -> usize {
        self.shared.lock().live.len()
    }

    /// Waits until `condition` holds of the traffic, at most for `patience`; returns whether it does.
    pub fn wait_for(&self, patience: Duration, mut condition: impl FnMut(&Traffic) -> bool) -> bool {
        let end = Instant::now() + patience;
        let mut state = self.shared.lock();
        while !condition(&state.traffic) {
            if Instant::now() >= end {
                return false;
            }
            state = self.shared.wait_a_while(state);
        }
        true
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.mode = Mode::Over;
        state.cut();
        drop(state);
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.near);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until something has changed, or a moment has gone.
    fn wait_a_while<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner).0
    }

    fn accept(self: Arc<Self>, near: SocketAddr, listener: TcpListener) {
        let mut listener = Some(listener);
        loop {
            let accepted = listener.as_ref().map(TcpListener::accept);
            let mut state = self.lock();
            match state.mode {
                Mode::Over => return,
                Mode::Refusing => {
                    drop(accepted);
                    listener = None;
                    state.listening = false;
                    self.changed.notify_all();
                    while state.mode == Mode::Refusing {
                        state = self.wait_a_while(state);
                    }
                }
                Mode::Open | Mode::Held => {
                    if let Some(Ok((client, _))) = accepted {
                        let (to, delay) = (state.server, state.delay);
                        drop(state);
                        thread::sleep(delay);
                        // A server that refuses shows as a connection that ends at once.
                        if let Ok(server) = TcpStream::connect(to) {
                            let _ = self.join(client, server);
                        }
                    } else if listener.is_none() {
                        listener = TcpListener::bind(near).ok();
                        state.listening = listener.is_some();
                        self.changed.notify_all();
                        if listener.is_none() {
                            drop(self.wait_a_while(state));
                        }
                    }
                }
            }
        }
    }

    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let mut state = self.lock();
        if matches!(state.mode, Mode::Over | Mode::Refusing) {
            return Ok(());
        }
        let number = state.next;
        state.next += 1;
        state.traffic.connections += 1;
        state.live.push(Live { number, ends: [client.try_clone()?, server.try_clone()?], client_spoke: false });
        drop(state);
        self.changed.notify_all();
        for (direction, from, to) in
            [(Direction::ToServer, client.try_clone()?, server.try_clone()?), (Direction::ToClient, server, client)]
        {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                shared.pump(number, direction, from, to);
                shared.lock().live.retain(|l| l.number != number);
                shared.changed.notify_all();
            });
        }
        Ok(())
    }

    fn pump(&self, number: u64, direction: Direction, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let Some((pass, delay)) = self.admit(number, direction, read) else { break };
            thread::sleep(delay);
            if to.write_all(&buffer[..pass]).is_err() {
                break;
            }
            if pass < read {
                self.lock().cut();
                break;
            }
        }
        // Both ways: a connection of which one half is gone is of no use to either end.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// How many of these bytes pass, and after what delay; none for a connection that has been cut.
    fn admit(&self, number: u64, direction: Direction, bytes: usize) -> Option<(usize, Duration)> {
        let mut state = self.lock();
        while state.mode == Mode::Held && state.is_live(number) {
            state = self.wait_a_while(state);
        }
        let bytes = bytes as u64;
        let mut pass = bytes;
        if let Some((which, left)) = &mut state.budget
            && *which == direction
        {
            pass = bytes.min(*left);
            *left -= pass;
        }
        if pass < bytes {
            state.budget = None;
        }
        let live = state.live.iter_mut().find(|l| l.number == number)?;
        let answers = match direction {
            Direction::ToServer => {
                live.client_spoke = true;
                false
            }
            Direction::ToClient => std::mem::take(&mut live.client_spoke),
        };
        state.traffic.round_trips += u64::from(answers && pass > 0);
        match direction {
            Direction::ToServer => state.traffic.to_server += pass,
            Direction::ToClient => state.traffic.to_client += pass,
        }
        self.changed.notify_all();
        Some((usize::try_from(pass).unwrap_or(usize::MAX), state.delay))
    }
}

impl State {
    fn is_live(&self, number: u64) -> bool {
        self.live.iter().any(|l| l.number == number)
    }

    fn cut(&mut self) {
        if !self.live.is_empty() {
            self.traffic.cuts += 1;
        }
        for live in self.live.drain(..) {
            for end in live.ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }
}

fn listen(near: Ipv4Addr) -> Result<(SocketAddr, TcpListener)> {
    for _ in 0..20 {
        let address = SocketAddr::from((near, port::free()?));
        if let Ok(listener) = TcpListener::bind(address) {
            return Ok((address, listener));
        }
    }
    Err(Error::NoPort)
}
