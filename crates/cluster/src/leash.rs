//! Stops a server when the process that started it is gone, however it went: a test that was killed leaves no server
//! and no folder behind.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::account::Account;
use crate::error::{Error, Result};

/// A shell that waits for one line. The line says that all is in order; the end of the pipe without it, which the
/// kernel brings about when this process dies, says that it is not.
#[derive(Debug)]
pub(crate) struct Leash(Child);

impl Leash {
    /// `script` sees `args` as `$1`, `$2` and so on. It runs only if this process dies without letting go.
    pub(crate) fn tie<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Result<Leash> {
        let child = Account::Own
            .command(Path::new("/bin/sh"), Path::new("/"))
            .arg("-c")
            .arg(format!("read line && exit 0\n{script}"))
            .arg("leash")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: what kills this process's group must not kill the shell that cleans up after it.
            .process_group(0)
            .spawn()
            .map_err(Error::system("cannot start /bin/sh"))?;
        Ok(Leash(child))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.0.wait();
    }
}
