//! What a lookup in the mirror is compared with: Redis over loopback, where there is one, and a bare round trip.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A private redis-server, ended when dropped.
pub struct Cache {
    server: Child,
    stream: BufReader<TcpStream>,
}

impl Cache {
    /// None where there is no redis-server on the PATH, or it does not start.
    pub fn start() -> Option<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?.local_addr().ok()?.port();
        let mut server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        for _ in 0..100 {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                stream.set_nodelay(true).unwrap();
                return Some(Self { server, stream: BufReader::new(stream) });
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = server.kill();
        let _ = server.wait();
        None
    }

    pub fn fill(&mut self, pairs: impl Iterator<Item = (String, String)>) {
        for (key, value) in pairs {
            self.say(&["SET", &key, &value]);
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            assert_eq!(line, "+OK\r\n");
        }
    }

    pub fn get(&mut self, key: &str) -> Vec<u8> {
        self.say(&["GET", key]);
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let length: usize = line.trim_start_matches('$').trim_end().parse().unwrap();
        let mut value = vec![0; length + 2];
        self.stream.read_exact(&mut value).unwrap();
        value
    }

    fn say(&mut self, words: &[&str]) {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A server that answers so many bytes to so many bytes, at once.
pub struct Echo {
    stream: TcpStream,
    question: Vec<u8>,
    answer: Vec<u8>,
}

impl Echo {
    pub fn start(question: usize, answer: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut heard, said) = (vec![0; question], vec![b'x'; answer]);
            while stream.read_exact(&mut heard).is_ok() && stream.write_all(&said).is_ok() {}
        });
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, question: vec![b'q'; question], answer: vec![0; answer] }
    }

    pub fn ask(&mut self) {
        self.stream.write_all(&self.question).unwrap();
        self.stream.read_exact(&mut self.answer).unwrap();
    }
}
