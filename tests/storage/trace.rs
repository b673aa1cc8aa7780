//! What a process did to a folder, read from `strace`: every write, size change, sync and name change, in order, with its
//! bytes, and the lines that it said on its standard output in between.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change files, and those needed to know which file a handle is.
pub const CALLS: &str = "openat,creat,write,pwrite64,pwritev,pwritev2,writev,ftruncate,truncate,fsync,fdatasync,\
    sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,close,dup,dup2,dup3,lseek,fallocate,\
    mmap,copy_file_range,link,linkat,symlink,symlinkat,sendfile,splice";

/// A file or folder, whatever its name is at the moment.
pub type Node = usize;
/// The traced folder.
pub const ROOT: Node = 0;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub folder: Node,
    pub name: String,
}

/// What happened to names.
#[derive(Debug, Clone)]
pub enum Naming {
    Made { at: Name, node: Node },
    Removed { at: Name },
    Moved { from: Name, to: Name, node: Node },
}

impl Naming {
    pub fn folders(&self) -> [Node; 2] {
        match self {
            Self::Made { at, .. } | Self::Removed { at } => [at.folder, at.folder],
            Self::Moved { from, to, .. } => [from.folder, to.folder],
        }
    }
}

/// One step of a history.
#[derive(Debug, Clone)]
pub enum Event {
    Write { node: Node, at: usize, bytes: Vec<u8> },
    Length { node: Node, length: usize },
    Sync { node: Node },
    SyncNames { folder: Node },
    Named(Naming),
    Said(String),
}

/// The files of a folder, by path.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What a process did to a folder.
#[derive(Debug, Default)]
pub struct History {
    /// Names there were before it began.
    pub names: BTreeMap<Name, Node>,
    /// Content of every node before the process began; a folder has none.
    pub nodes: Vec<Option<Vec<u8>>>,
    /// What it did.
    pub events: Vec<Event>,
}

/// Reads a folder; what another process may map or lock is no part of it.
pub fn files_in(folder: &Path) -> Files {
    let read = |path: PathBuf| (path.clone(), std::fs::read(folder.join(path)).unwrap());
    names_in(folder).into_iter().map(read).collect()
}

/// The names of the same files.
pub fn names_in(folder: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inside)).unwrap() {
            let entry = entry.unwrap();
            let path = inside.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if !is_passing(&path) {
                names.push(path);
            }
        }
    }
    names
}

/// The shared index and the lock: they mean nothing once the process is gone.
pub fn is_passing(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with("-shm") || name.ends_with("profile.lock")
}

/// Writes files into a new folder.
pub fn put_files(folder: &Path, files: &Files) {
    std::fs::create_dir_all(folder).unwrap();
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// A folder in memory: what is tested is the program's order of writes and syncs, not this machine's disk.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    if memory.is_dir() { builder.tempdir_in(memory).unwrap() } else { builder.tempdir().unwrap() }
}

/// `strace` in front of a program.
pub fn strace() -> Command {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "these stories watch a process at work: install strace (apt-get install strace) and allow ptrace",
    );
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "signal=none"]);
    command
}

/// Runs a program on a folder and returns what it did. The program must succeed.
pub fn record(folder: &Path, program: &Path, arguments: &[&str]) -> History {
    let before = tree(folder);
    let log = tempfile::NamedTempFile::new_in(folder.parent().unwrap()).unwrap();
    let output = strace()
        .args(["--seccomp-bpf", "-xx", "-s", "16777216", "-e", &format!("trace={CALLS}"), "-o"])
        .arg(log.path())
        .arg(program)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "the traced laptop works through its shift: {}",
        String::from_utf8_lossy(&output.stderr),
    );
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(!log.is_empty(), "strace may trace: {}", String::from_utf8_lossy(&output.stderr));
    let history = Reader::new(folder, before).read(&log);
    assert_replays(&history, folder);
    history
}

/// What was read from the log leads to the very files that the process left: nothing was overlooked.
fn assert_replays(history: &History, folder: &Path) {
    let mut disk = crate::disk::Disk::before(history);
    for at in 0..history.events.len() {
        disk.advance(at);
    }
    let (replayed, real) = (disk.nothing_lost(), files_in(folder));
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    let replayed: Files = replayed.into_iter().filter(|(path, _)| !is_passing(path)).collect();
    assert_eq!(names(&replayed), names(&real), "the names that the trace leads to");
    for (path, bytes) in &real {
        assert!(replayed.get(path) == Some(bytes), "the trace leads to the content of {}", path.display());
    }
}

fn tree(folder: &Path) -> History {
    let mut history = History { nodes: vec![None], ..History::default() };
    let mut folders = vec![(ROOT, folder.to_owned())];
    while let Some((node, path)) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = Name { folder: node, name: entry.file_name().into_string().unwrap() };
            let fresh = history.nodes.len();
            if entry.file_type().unwrap().is_dir() {
                history.nodes.push(None);
                folders.push((fresh, entry.path()));
            } else {
                history.nodes.push(Some(std::fs::read(entry.path()).unwrap()));
            }
            history.names.insert(name, fresh);
        }
    }
    history
}

struct Handle {
    node: Node,
    at: usize,
    append: bool,
}

struct Reader {
    root: String,
    history: History,
    /// As the running process sees them.
    names: BTreeMap<Name, Node>,
    lengths: Vec<usize>,
    handles: HashMap<i64, Handle>,
}

impl Reader {
    fn new(root: &Path, history: History) -> Self {
        let lengths = history.nodes.iter().map(|bytes| bytes.as_ref().map_or(0, Vec::len)).collect();
        let names = history.names.clone();
        Self { root: root.to_str().unwrap().to_owned(), history, names, lengths, handles: HashMap::new() }
    }

    fn read(mut self, log: &str) -> History {
        let mut begun: HashMap<&str, String> = HashMap::new();
        for line in log.lines() {
            let (process, line) = line.split_once(' ').unwrap_or(("", line));
            let line = line.trim_start();
            if let Some(first) = line.strip_suffix(" <unfinished ...>") {
                begun.insert(process, first.to_owned());
            } else if let Some(rest) = line.strip_prefix("<... ") {
                let first = begun.remove(process).unwrap_or_default();
                self.call(&format!("{first}{}", rest.split_once(" resumed>").map_or("", |(_, rest)| rest)));
            } else {
                self.call(line);
            }
        }
        self.history
    }

    fn call(&mut self, line: &str) {
        let Some((call, rest)) = line.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { return };
        let result = result.split([' ', '(']).next().unwrap_or_default();
        let Some(result) = number(result).filter(|result| *result >= 0) else { return };
        let arguments = split(arguments.trim_end().strip_suffix(')').unwrap_or(arguments));
        let handle = |at: usize| number(arguments[at]).unwrap_or(-1);
        match call {
            "openat" => self.open(&arguments, result),
            "close" => drop(self.handles.remove(&handle(0))),
            "lseek" => {
                if let Some(open) = self.handles.get_mut(&handle(0)) {
                    open.at = usize::try_from(result).unwrap();
                }
            }
            "write" if matches!(handle(0), 1) => {
                let said = String::from_utf8(bytes(arguments[1])).unwrap();
                self.history.events.extend(said.lines().map(|line| Event::Said(line.to_owned())));
            }
            "write" => {
                let Some(open) = self.handles.get(&handle(0)) else { return };
                let at = if open.append { self.lengths[open.node] } else { open.at };
                let written = usize::try_from(result).unwrap();
                self.write(handle(0), at, &bytes(arguments[1])[..written]);
                if let Some(open) = self.handles.get_mut(&handle(0)) {
                    open.at = at + written;
                }
            }
            "pwrite64" => {
                let written = usize::try_from(result).unwrap();
                let at = number(arguments[3]).unwrap();
                self.write(handle(0), usize::try_from(at).unwrap(), &bytes(arguments[1])[..written]);
            }
            "ftruncate" => {
                if let Some(open) = self.handles.get(&handle(0)) {
                    let (node, length) = (open.node, usize::try_from(number(arguments[1]).unwrap()).unwrap());
                    self.lengths[node] = length;
                    self.history.events.push(Event::Length { node, length });
                }
            }
            "fsync" | "fdatasync" => {
                if let Some(open) = self.handles.get(&handle(0)) {
                    let node = open.node;
                    let folder = self.history.nodes[node].is_none();
                    let event = if folder { Event::SyncNames { folder: node } } else { Event::Sync { node } };
                    self.history.events.push(event);
                }
            }
            "mkdir" => {
                if let Some(at) = self.place(arguments[0]) {
                    self.made(at, None);
                }
            }
            "unlink" | "rmdir" => {
                if let Some(at) = self.place(arguments[0]) {
                    self.removed(at);
                }
            }
            "rename" => {
                if let (Some(from), Some(to)) = (self.place(arguments[0]), self.place(arguments[1])) {
                    self.moved(from, to);
                }
            }
            // Only the shared index may be mapped for writing: a mapped page is written without a call to be seen.
            "mmap" => {
                if let Some(open) = self.handles.get(&handle(4)) {
                    let maps = arguments[3].contains("MAP_SHARED") && arguments[2].contains("PROT_WRITE");
                    let name = self.names.iter().find(|(_, node)| **node == open.node).map(|(at, _)| at.name.clone());
                    assert!(
                        !maps || name.as_ref().is_none_or(|name| name.ends_with("-shm")),
                        "{name:?} is written through memory, past every sync",
                    );
                }
            }
            _ => {
                let known = (0..arguments.len()).any(|at| self.handles.contains_key(&handle(at)));
                let named = arguments.iter().any(|argument| self.place(argument).is_some());
                assert!(!known && !named, "{call} changes a file of the profile and is not understood");
            }
        }
    }

    fn open(&mut self, arguments: &[&str], handle: i64) {
        let path = String::from_utf8(bytes(arguments[1])).unwrap();
        let flags = arguments[2];
        if path == self.root {
            self.handles.insert(handle, Handle { node: ROOT, at: 0, append: false });
            return;
        }
        let Some(at) = self.place(arguments[1]) else { return };
        let node = match self.names.get(&at) {
            Some(node) => *node,
            None => {
                assert!(flags.contains("O_CREAT"), "{path} was opened and nobody had made it");
                self.made(at, Some(Vec::new()))
            }
        };
        if flags.contains("O_TRUNC") && self.lengths[node] > 0 {
            self.lengths[node] = 0;
            self.history.events.push(Event::Length { node, length: 0 });
        }
        self.handles.insert(handle, Handle { node, at: 0, append: flags.contains("O_APPEND") });
    }

    /// Where a path leads in the traced folder; none for paths elsewhere.
    fn place(&self, argument: &str) -> Option<Name> {
        if !argument.starts_with('"') {
            return None;
        }
        let path = String::from_utf8(bytes(argument)).ok()?;
        let inside = path.strip_prefix(&self.root)?.strip_prefix('/')?;
        let (folders, name) = inside.rsplit_once('/').map_or((None, inside), |(folders, name)| (Some(folders), name));
        let folder = folders
            .iter()
            .flat_map(|folders| folders.split('/'))
            .try_fold(ROOT, |folder, name| self.names.get(&Name { folder, name: name.to_owned() }).copied())?;
        Some(Name { folder, name: name.to_owned() })
    }

    fn write(&mut self, handle: i64, at: usize, bytes: &[u8]) {
        let Some(open) = self.handles.get(&handle) else { return };
        let node = open.node;
        self.lengths[node] = self.lengths[node].max(at + bytes.len());
        self.history.events.push(Event::Write { node, at, bytes: bytes.to_vec() });
    }

    fn made(&mut self, at: Name, content: Option<Vec<u8>>) -> Node {
        let node = self.history.nodes.len();
        self.history.nodes.push(content);
        self.lengths.push(0);
        self.names.insert(at.clone(), node);
        self.history.events.push(Event::Named(Naming::Made { at, node }));
        node
    }

    fn removed(&mut self, at: Name) {
        self.names.remove(&at);
        self.history.events.push(Event::Named(Naming::Removed { at }));
    }

    fn moved(&mut self, from: Name, to: Name) {
        let Some(node) = self.names.remove(&from) else { return };
        self.names.insert(to.clone(), node);
        self.history.events.push(Event::Named(Naming::Moved { from, to, node }));
    }
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// Arguments of a call. Strings are in hexadecimal, so that a comma is always a border.
fn split(arguments: &str) -> Vec<&str> {
    arguments.split(", ").map(str::trim).collect()
}

/// The bytes of a string argument, `"\x2f\x64…"`.
fn bytes(argument: &str) -> Vec<u8> {
    assert!(!argument.ends_with("..."), "strace gave all of a string");
    let digits = argument.trim_matches('"').as_bytes();
    let nibble = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    digits.chunks_exact(4).map(|one| nibble(one[2]) << 4 | nibble(one[3])).collect()
}
