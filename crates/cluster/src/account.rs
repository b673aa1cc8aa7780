//! The account a server runs as. PostgreSQL and PgBouncer refuse root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Whom a server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// As whoever runs this process.
    Own,
    /// As this user and group, because this process runs as root.
    Other {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

impl Account {
    pub(crate) fn choose() -> Result<Account> {
        if own_uid()? != 0 {
            return Ok(Account::Own);
        }
        let users = Path::new("/etc/passwd");
        let text = fs::read_to_string(users).map_err(Error::file("cannot read", users))?;
        ["postgres", "nobody"].into_iter().find_map(|name| find(&text, name)).ok_or(Error::NoAccount)
    }

    /// A command that runs as this account. Its environment is empty but for what a server needs: a stray `PG…`
    /// variable of the machine must not point it at another server.
    pub(crate) fn command(self, program: &Path, working_folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("LC_ALL", "C.UTF-8").current_dir(working_folder).stdin(Stdio::null());
        if let Account::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// What a shell puts before a command that is to run as this account.
    pub(crate) fn in_shell(self) -> String {
        match self {
            Account::Own => String::new(),
            Account::Other { uid, gid } => format!("setpriv --reuid={uid} --regid={gid} --clear-groups -- "),
        }
    }

    /// Hands a file or folder over to this account.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        match self {
            Account::Own => Ok(()),
            Account::Other { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(Error::file("cannot hand over", path))
            }
        }
    }

    /// Whether this account can pass through to `folder`. Asked of the system, as mode bits alone do not tell.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        let Account::Other { uid, gid } = self else { return true };
        Command::new("/bin/sh")
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(folder)
            .current_dir("/")
            .uid(uid)
            .gid(gid)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }
}

/// Who runs this process.
pub(crate) fn own_uid() -> Result<u32> {
    let me = Path::new("/proc/self");
    Ok(fs::metadata(me).map_err(Error::file("cannot read", me))?.uid())
}

fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != 0).then_some(Account::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_by_its_whole_name_and_root_is_never_chosen() {
        let users = "root:x:0:0::/:/bin/sh\nmypostgres:x:7:7::/:\npostgres:x:101:104:PostgreSQL,,,:/var/lib:/bin/bash\nfake:x:0:0::/:\n";
        assert_eq!(find(users, "postgres"), Some(Account::Other { uid: 101, gid: 104 }));
        assert_eq!(find(users, "fake"), None);
        assert_eq!(find(users, "nobody"), None);
    }
}
