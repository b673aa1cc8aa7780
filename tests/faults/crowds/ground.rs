//! What lies between a laptop and the server. Where this may be done, every laptop has a network of its own, and a
//! partition is packets that are dropped; elsewhere a line that holds bytes back stands in for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use clara_cluster::{Cut, Direction, Proxy};
use clara_tests::Company;

/// Which way nothing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
    Both,
}

/// One laptop's way to the server.
pub struct Ground {
    line: Cut,
    network: Option<Network>,
    /// Behind the line where there is no network: it can be deaf in one direction.
    proxy: Option<Proxy>,
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

impl Ground {
    /// A way to the server, with a network of its own if one is wanted and can be made.
    pub fn lay(company: &Company, own_network: bool) -> Ground {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, company.port()));
        if own_network {
            if let Some(network) = Network::make() {
                let line = Cut::between(network.near, server).unwrap();
                return Ground { line, network: Some(network), proxy: None };
            }
            let proxy = Proxy::start(company.cluster()).unwrap();
            return Ground { line: Cut::start(proxy.port()).unwrap(), network: None, proxy: Some(proxy) };
        }
        Ground { line: Cut::between(Ipv4Addr::LOCALHOST, server).unwrap(), network: None, proxy: None }
    }

    pub fn line(&self) -> &Cut {
        &self.line
    }

    /// Where the laptop's own end of the way must lead, if the laptop is in another network.
    pub fn far(&self) -> Option<SocketAddr> {
        self.network.as_ref().map(|network| SocketAddr::from((network.near, self.line.port())))
    }

    /// What to put before a command so that it runs in the laptop's network.
    pub fn enter(&self) -> Option<String> {
        self.network.as_ref().map(|network| network.name.clone())
    }

    /// In words.
    pub fn kind(&self) -> &'static str {
        match (&self.network, &self.proxy) {
            (Some(_), _) => "in networks of their own",
            (None, Some(_)) => "behind proxies, as this machine allows no networks",
            (None, None) => "over lines that can be cut",
        }
    }

    pub fn part(&self, way: Way) {
        if let Some(network) = &self.network {
            if way != Way::In {
                network.drop_packets(true);
            }
            if way != Way::Out {
                network.drop_packets(false);
            }
        } else if let Some(proxy) = &self.proxy {
            if way != Way::In {
                proxy.stall(Direction::ToServer);
            }
            if way != Way::Out {
                proxy.stall(Direction::ToClient);
            }
        }
    }

    pub fn join(&self) {
        if let Some(network) = &self.network {
            network.pass_packets();
        } else if let Some(proxy) = &self.proxy {
            proxy.heal();
        }
    }
}

/// A network namespace with one machine in it, and a wire to here.
struct Network {
    name: String,
    wire: String,
    near: Ipv4Addr,
}

impl Network {
    fn make() -> Option<Network> {
        let process = std::process::id();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("clara-{process}-{number}");
        // Two processes that test at once must not meet: the third number of the address is from this one's id.
        let (wire, far_wire) = (format!("cf{:x}n{number}", process % 0xff_ffff), "uplink");
        // Sixty addresses do for one process: those of earlier runs are free again.
        let near = Ipv4Addr::new(10, 213, (process % 251) as u8, (number % 60) as u8 * 4 + 1);
        let far = Ipv4Addr::new(10, 213, near.octets()[2], near.octets()[3] + 1);
        sweep();
        if !ip(&["netns", "add", &name]) {
            return None;
        }
        let network = Network { name, wire, near };
        let (name, wire) = (&network.name, &network.wire);
        let made = ip(&["link", "add", wire, "type", "veth", "peer", "name", far_wire, "netns", name])
            && ip(&["addr", "add", &format!("{near}/30"), "dev", wire])
            && ip(&["link", "set", wire, "up"])
            && ip(&["-n", name, "addr", "add", &format!("{far}/30"), "dev", far_wire])
            && ip(&["-n", name, "link", "set", far_wire, "up"])
            && ip(&["-n", name, "link", "set", "lo", "up"])
            // Nothing passes a bucket of one byte: this is how packets are dropped here, one way only.
            && network.bucket("add", true)
            && network.bucket("del", true);
        made.then_some(network)
    }

    fn bucket(&self, verb: &str, outgoing: bool) -> bool {
        let device = if outgoing { "uplink" } else { &self.wire };
        let mut arguments = if outgoing { vec!["-n", &self.name] } else { Vec::new() };
        arguments.extend(["qdisc", verb, "dev", device, "root"]);
        if verb == "add" {
            arguments.extend(["tbf", "rate", "8bit", "burst", "1", "latency", "1ms"]);
        }
        quietly("tc", &arguments)
    }

    fn drop_packets(&self, outgoing: bool) {
        assert!(self.bucket("add", outgoing), "packets are dropped");
    }

    fn pass_packets(&self) {
        for outgoing in [true, false] {
            let _was_not_dropping = self.bucket("del", outgoing);
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The wire goes with it.
        ip(&["netns", "del", &self.name]);
    }
}

/// Takes away what a killed run has left.
fn sweep() {
    let listed = Command::new("ip").args(["netns", "list"]).output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        let Some(process) = name.strip_prefix("clara-").and_then(|rest| rest.split('-').next()) else { continue };
        if process.parse::<u32>().is_ok_and(|id| !std::path::Path::new(&format!("/proc/{id}")).exists()) {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    quietly("ip", arguments)
}

fn quietly(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
