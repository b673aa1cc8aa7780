use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use clara_central::connect::{Floor, Secret, Server};
use clara_central::enroll::{Enroll, Enrolment, Person, claim, enroll};
use clara_central::init::init;
use clara_cluster::{Cluster, ClusterOptions, PgBouncer};
use clara_domain::UserId;
use uuid::Uuid;

use crate::Device;

/// A cluster for all stories of one test binary, with a migrated database to copy.
struct Shared {
    cluster: Cluster,
    pooler: Option<PgBouncer>,
}

static THROUGH_PGBOUNCER: AtomicU32 = AtomicU32::new(0);
static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    // A pooler keeps a server connection for every login of every company of the run.
    let settings = vec![("max_connections".to_owned(), "300".to_owned())];
    let cluster =
        Cluster::start(ClusterOptions { settings, ..ClusterOptions::default() }).expect("a private cluster starts");
    let pool = THROUGH_PGBOUNCER.load(Ordering::SeqCst);
    let pooler = (pool > 0).then(|| PgBouncer::start(&cluster, pool).expect("PgBouncer starts"));
    let admin = admin(&cluster, "clara_template");
    block_on(init(&admin, "Small Company")).expect("the database is made");
    cluster.psql("clara_template", include_str!("company.sql")).expect("the small company moves in");
    Shared { cluster, pooler }
});
/// `CREATE DATABASE … TEMPLATE` wants nobody else connected to the template.
static COPYING: Mutex<()> = Mutex::new(());
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Every laptop of this process reaches the server through a PgBouncer in transaction mode with so many server
/// connections. Call before the first company is founded.
pub fn route_through_pgbouncer(pool: u32) {
    THROUGH_PGBOUNCER.store(pool, Ordering::SeqCst);
}

/// Runs something that waits, from a story that does not.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    // One runtime for the whole process: a connection dies with the runtime it was made on.
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts"));
    RUNTIME.block_on(future)
}

fn admin(cluster: &Cluster, database: &str) -> Server {
    Server {
        host: cluster.host().to_owned(),
        port: cluster.port(),
        database: database.to_owned(),
        ca_pem: cluster.ca_pem().to_owned(),
        role: cluster.admin_user().to_owned(),
        password: Secret::new(cluster.admin_password()),
        floor: Floor::Safe,
    }
}

/// A company's database of its own, and its office.
pub struct Company {
    own: Option<Cluster>,
    database: String,
}

impl Company {
    /// A fresh copy of the small company on the shared cluster.
    pub fn found() -> Self {
        let shared = &*SHARED;
        let database = format!("company_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let _one = COPYING.lock().unwrap_or_else(PoisonError::into_inner);
        shared
            .cluster
            .psql("postgres", &format!("CREATE DATABASE {database} TEMPLATE clara_template"))
            .expect("the template is copied");
        Self { own: None, database }
    }

    /// The small company on a cluster that nobody else uses, for stories that stop it or put it back.
    pub fn found_alone() -> Self {
        let cluster = Cluster::temporary().expect("a private cluster starts");
        let company = Self { database: "clara".to_owned(), own: Some(cluster) };
        block_on(init(&company.admin(), "Small Company")).expect("the database is made");
        company.office(include_str!("company.sql"));
        company
    }

    /// An empty database on a cluster that nobody else uses, with the roles that every cluster needs.
    pub fn found_empty_alone() -> Self {
        let company = Self::found_alone();
        company.cluster().psql("postgres", "DROP DATABASE clara").expect("dropped");
        company.cluster().psql("postgres", "CREATE DATABASE clara TEMPLATE template0").expect("made");
        company
    }

    /// Lets a laptop that was enrolled elsewhere log in here: what remains of its login after a dump was restored, once
    /// the administrator has made the role again.
    pub fn reuse_login(&self, old: &Company, device: &mut Device) {
        let role = device.central().server().role.clone();
        let verifier = old.office(&format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"));
        self.office(&format!(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE \"{role}\" LOGIN; END IF; END $$;
             ALTER ROLE \"{role}\" LOGIN PASSWORD '{verifier}'; GRANT clara_technician TO \"{role}\""
        ));
        device.trust(self);
    }

    /// Runs one of PostgreSQL's own programs on this database over TLS.
    pub fn pg_tool(&self, program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let cluster = self.cluster();
        let mut child = Command::new(program)
            .args(["--host", cluster.host(), "--port", &cluster.port().to_string(), "--username", cluster.admin_user()])
            .args(arguments)
            .env("PGPASSWORD", cluster.admin_password())
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", cluster.ca_file())
            .env("PGDATABASE", &self.database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("PostgreSQL's programs are installed");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("it ends");
        let _ = writer.join();
        assert!(output.status.success(), "{program} succeeds");
        output.stdout
    }

    /// Its cluster.
    pub fn cluster(&self) -> &Cluster {
        self.own.as_ref().unwrap_or(&SHARED.cluster)
    }

    /// Its database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The administrator's access.
    pub fn admin(&self) -> Server {
        admin(self.cluster(), &self.database)
    }

    /// Where laptops reach it.
    pub fn port(&self) -> u16 {
        match (&self.own, &SHARED.pooler) {
            (None, Some(pooler)) => pooler.port(),
            _ => self.cluster().port(),
        }
    }

    /// The office does something in SQL, as the company's own programs do. Returns what psql printed.
    pub fn office(&self, sql: &str) -> String {
        self.cluster().psql(&self.database, sql).expect("the office's SQL runs").trim().to_owned()
    }

    /// Makes an enrolment for a person.
    pub fn enrolment(&self, person: Uuid, port: u16) -> Enrolment {
        let ask = Enroll {
            person: Person::Id(UserId(person)),
            device_name: "Laptop".to_owned(),
            valid_for: None,
            address: Some((self.cluster().host().to_owned(), port)),
        };
        block_on(enroll(&self.admin(), &ask, chrono::Utc::now())).expect("the office enrolls")
    }

    /// Makes an enrolment and claims it, through a port.
    pub fn login(&self, person: Uuid, port: u16) -> (Enrolment, Server) {
        let enrolment = self.enrolment(person, port);
        let password = Secret::random().expect("randomness");
        let server = block_on(claim(&enrolment, &password, Floor::Safe, chrono::Utc::now()))
            .expect("the laptop claims its login");
        (enrolment, server)
    }
}
