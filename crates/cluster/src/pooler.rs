//! PgBouncer in transaction mode in front of a cluster.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::access::Access;
use crate::binaries;
use crate::error::{Error, Result};
use crate::folder::{self, give};
use crate::leash::Leash;
use crate::server::Cluster;
use crate::{port, settings};

const PATIENCE: Duration = Duration::from_secs(20);

/// A private PgBouncer: TLS on both sides, one pool of `pool_size` connections for each pair of database and role.
/// Dropping it, or the death of the process, ends it.
#[derive(Debug)]
pub struct PgBouncer {
    access: Access,
    child: Child,
    leash: Option<Leash>,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// Starts one in front of this cluster. Roles made later can log in through it as well.
    pub fn start(cluster: &Cluster, pool_size: u32) -> Result<PgBouncer> {
        let program = binaries::pgbouncer()?;
        for _ in 0..5 {
            let port = port::free()?;
            match Self::start_on(&program, cluster, pool_size, port) {
                Err(_) if !port::is_free(port) => {}
                other => return other,
            }
        }
        Err(Error::NoPort)
    }

    fn start_on(program: &Path, cluster: &Cluster, pool_size: u32, port: u16) -> Result<PgBouncer> {
        let account = cluster.account();
        let folder = folder::for_a_while(account)?;
        let path = folder.path();
        let admin = cluster.admin_user();
        for name in ["server.crt", "server.key"] {
            let from = cluster.data().join(name);
            let text = fs::read_to_string(&from).map_err(Error::file("cannot read", &from))?;
            give(account, &path.join(name), &text)?;
        }
        give(account, &path.join("ca.pem"), cluster.ca_pem())?;
        give(account, &path.join("userlist.txt"), &format!("\"{admin}\" \"{}\"\n", cluster.admin_password()))?;
        let ini = path.join("pgbouncer.ini");
        give(account, &ini, &settings::pgbouncer_ini(port, cluster.port(), admin, pool_size))?;

        let log_file = path.join("pgbouncer.log");
        let log = File::create(&log_file).map_err(Error::file("cannot write", &log_file))?;
        let again = log.try_clone().map_err(Error::file("cannot write", &log_file))?;
        let child = account
            .command(program, path)
            .arg("pgbouncer.ini")
            .process_group(0)
            .stdout(log)
            .stderr(again)
            .spawn()
            .map_err(Error::system("cannot start pgbouncer"))?;
        let mut bouncer =
            PgBouncer { access: Access { port, ..cluster.access().clone() }, child, leash: None, _folder: folder };
        // By number and by name: the number alone may have gone to another process by then.
        bouncer.leash = Some(Leash::tie(
            "[ \"$(cat /proc/\"$1\"/comm)\" = pgbouncer ] && kill -KILL \"$1\"; rm -rf -- \"$2\"",
            [bouncer.child.id().to_string().as_ref(), bouncer._folder.path().as_os_str()],
        )?);
        bouncer.wait_until_it_answers(&log_file)?;
        Ok(bouncer)
    }

    /// The name to connect to: the one in the certificate.
    pub fn host(&self) -> &str {
        &self.access.host
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// Access through it: as the cluster's, with its own port.
    pub fn access(&self) -> &Access {
        &self.access
    }

    fn wait_until_it_answers(&mut self, log_file: &Path) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().map_err(Error::system("cannot watch pgbouncer"))? {
                let said = binaries::ending_of_file(log_file);
                return Err(Error::Program { program: "pgbouncer".into(), status: status.to_string(), said });
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.access.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let said = binaries::ending_of_file(log_file);
        Err(Error::Late { program: "pgbouncer".into(), what: "start", seconds: PATIENCE.as_secs(), said })
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.leash.take();
    }
}
