//! The company's side: a private PostgreSQL with the demo company on it, and a network line that can be cut.

use chrono::{Local, Utc};
use clara_central::connect::{Floor, Secret, Server};
use clara_central::enroll::{Enroll, Person, enroll};
use clara_central::init::init;
use clara_central::seed_demo::seed_demo;
use clara_cluster::{Cluster, Cut};
use clara_domain::UserId;

const DATABASE: &str = "clara";

/// A server, and the line that leads to it.
pub struct Office {
    cluster: Cluster,
    line: Cut,
    people: Vec<clara_demo::Person>,
}

impl Office {
    /// Opens on a fresh server, with the demo company as it stands today.
    pub fn open() -> Office {
        let cluster = Cluster::temporary().expect("a private cluster starts");
        let line = Cut::start(cluster.port()).expect("the line is there");
        let mut office = Office { cluster, line, people: Vec::new() };
        block_on(init(&office.admin(), "Demo")).expect("the database is made");
        // The day as the laptop sees it, which is the day of its time zone.
        let admin = office.admin();
        let seeded = seed_demo(&admin, Local::now().date_naive(), Utc::now());
        office.people = block_on(seeded).expect("the company moves in").people;
        office
    }

    fn admin(&self) -> Server {
        Server {
            host: self.cluster.host().to_owned(),
            port: self.cluster.port(),
            database: DATABASE.to_owned(),
            ca_pem: self.cluster.ca_pem().to_owned(),
            role: self.cluster.admin_user().to_owned(),
            password: Secret::new(self.cluster.admin_password()),
            floor: Floor::Safe,
        }
    }

    /// The text of an enrolment for the person with this login; the laptop will reach the server through the line.
    pub fn enroll(&self, login: &str) -> String {
        let person = self.people.iter().find(|person| person.login == login).expect("works here");
        let ask = Enroll {
            person: Person::Id(UserId(person.user_id)),
            device_name: "Laptop".to_owned(),
            valid_for: None,
            address: Some((self.cluster.host().to_owned(), self.line.port())),
        };
        block_on(enroll(&self.admin(), &ask, Utc::now())).expect("the office enrolls").to_file()
    }

    /// What the server answers to a question in SQL.
    pub fn ask(&self, sql: &str) -> String {
        self.cluster.psql(DATABASE, sql).expect("the office's SQL runs").trim().to_owned()
    }

    /// The network is gone: connections break and none can be made.
    pub fn cut(&self) {
        self.line.refuse();
    }

    /// The network is back.
    pub fn heal(&self) {
        self.line.heal();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}
