//! The office in a process of its own: puts a rescue pack in and says what it came to, and how much memory it took.
//!
//! `clara-tests-office PACK KEY`, with the server as JSON on standard input.

use std::path::Path;

use clara_app::rescue::{Identity, Imported, import};
use clara_central::connect::{Floor, Secret, Server};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(pack), Some(key)) = (arguments.next(), arguments.next()) else { return Err("PACK KEY".into()) };
    let at: Value = serde_json::from_reader(std::io::stdin())?;
    let text = |name: &str| at[name].as_str().unwrap_or_default().to_owned();
    let server = Server {
        host: text("host"),
        port: at["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        database: text("database"),
        ca_pem: text("ca_pem"),
        role: text("role"),
        password: Secret::new(text("password")),
        floor: Floor::Safe,
    };
    let identity = Identity::parse(&std::fs::read_to_string(key)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = peak_kb()?;
    let report = runtime.block_on(import(&server, Path::new(&pack), &identity))?;
    let photos = |outcome: Imported| report.photos.iter().filter(|photo| photo.outcome == outcome).count();
    let said = json!({
        "operations": report.operations.len(), "new": report.new_operations(), "whole": report.whole,
        "stored": photos(Imported::Stored), "there": photos(Imported::There),
        "began_kb": began, "peak_kb": peak_kb()?,
    });
    println!("{said}");
    Ok(())
}

fn peak_kb() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(peak.trim().trim_end_matches(" kB").parse()?)
}
