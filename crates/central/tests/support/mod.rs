//! A private cluster for each test program, a database of its own for each story.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::sync::OnceLock;

use chrono::Utc;
use clara_central::connect::{Connection, Floor, Mode, Secret, Server, sql};
use clara_central::enroll::{Enroll, Enrolment, Person, claim, enroll};
use clara_central::init::init;
use clara_cluster::{Cluster, ClusterOptions};
use clara_domain::UserId;
use sqlx::Row as _;
use uuid::Uuid;

/// The cluster of this test program; it dies with the process.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        // A login that hangs up is gone for its client at once and for the server a moment later.
        let settings = vec![("max_connections".to_owned(), "200".to_owned())];
        Cluster::start(ClusterOptions { settings, ..ClusterOptions::default() }).expect("a private PostgreSQL cluster")
    })
}

/// The administrator's way to a database.
pub fn admin(database: &str) -> Server {
    let cluster = cluster();
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

/// A new company with an empty database.
pub async fn company(database: &str) -> Server {
    let admin = admin(database);
    init(&admin, "Ash & Ember").await.unwrap();
    admin
}

/// Runs SQL as the administrator and returns what it says.
pub fn psql(database: &str, sql: &str) -> String {
    cluster().psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}")).trim().to_owned()
}

/// Hires somebody.
pub fn hire(database: &str, email: &str, role: &str) -> UserId {
    let id = Uuid::now_v7();
    psql(
        database,
        &format!("INSERT INTO users (id, email, full_name, role) VALUES ('{id}', '{email}', '{email}', '{role}')"),
    );
    UserId(id)
}

/// An enrolment for somebody.
pub async fn enrolment(admin: &Server, user: UserId) -> Enrolment {
    let ask = Enroll { person: Person::Id(user), device_name: "laptop".into(), valid_for: None, address: None };
    enroll(admin, &ask, Utc::now()).await.unwrap()
}

/// Enrolls and claims: the login of a laptop.
pub async fn laptop(admin: &Server, user: UserId) -> Server {
    let enrolment = enrolment(admin, user).await;
    claim(&enrolment, &Secret::random().unwrap(), Floor::Safe, Utc::now()).await.unwrap()
}

/// One statement as somebody, in a transaction of its own; the SQLSTATE where it is refused, else the first column of
/// each row as text.
pub async fn ask(server: &Server, text: &'static str) -> Result<Vec<String>, String> {
    ask_on(&mut server.connect().await.unwrap(), text).await
}

/// The same over a connection that is there already.
pub async fn ask_on(connection: &mut Connection, text: &'static str) -> Result<Vec<String>, String> {
    let mut tx = connection.begin(Mode::Write).await.unwrap();
    match tx.fetch_all(sql(text)).await {
        Ok(rows) => {
            tx.commit().await.unwrap();
            Ok(rows.iter().map(|row| row.try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()).collect())
        }
        Err(clara_sync::CentralError::Refused { code, .. }) => {
            tx.rollback().await.unwrap();
            Err(code)
        }
        Err(other) => panic!("{text}: {other}"),
    }
}
