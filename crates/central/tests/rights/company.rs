//! The company of `company.sql`, and everybody who can knock at its door.

use chrono::{DateTime, Utc};
use clara_central::connect::{Floor, Secret, Server};
use clara_central::enroll::{Enroll, Enrolment, Person, claim, enroll};
use clara_domain::UserId;
use uuid::Uuid;

use crate::session::Session;
use crate::support::{admin, company, psql};

/// The columns of `tables.txt`, in its order.
pub const PEOPLE: [&str; 9] =
    ["technician", "manager", "office", "admin", "backend", "waiting", "inactive", "foreign", "revoked"];
/// Own, another's, nobody's.
pub const SCOPES: [&str; 3] = ["0a", "0b", "0c"];

/// A company in its own database, with a session of each of [`PEOPLE`].
pub struct Office {
    pub database: &'static str,
    pub admin: Server,
    pub sessions: Vec<(&'static str, Session)>,
    /// Device ids of the technician and of another one.
    pub devices: [Uuid; 2],
    /// The technician's login role, and another one's.
    pub roles: [String; 2],
    pub technician: Server,
    pub manager: Server,
}

/// The id of a row of `company.sql`.
pub fn k(scope: &str, n: u32) -> Uuid {
    format!("{scope}000000-0000-4000-8000-{n:0>12}").parse().unwrap()
}

pub async fn enrolled(admin: &Server, scope: &str) -> Enrolment {
    let ask = Enroll {
        person: Person::Id(UserId(k(scope, 1))),
        device_name: "laptop".into(),
        valid_for: None,
        address: None,
    };
    enroll(admin, &ask, Utc::now()).await.unwrap()
}

pub async fn claimed(admin: &Server, scope: &str) -> (Enrolment, Server) {
    let enrolment = enrolled(admin, scope).await;
    let now: DateTime<Utc> = Utc::now();
    let server = claim(&enrolment, &Secret::random().unwrap(), Floor::Safe, now).await.unwrap();
    (enrolment, server)
}

/// Founds the company and opens all sessions.
pub async fn found(database: &'static str) -> Office {
    company(database).await;
    let admin = admin(database);
    psql(database, include_str!("company.sql"));
    let (own, technician) = claimed(&admin, "0a").await;
    let (other, _) = claimed(&admin, "0b").await;
    enrolled(&admin, "0c").await;
    let (_, manager) = claimed(&admin, "0d").await;
    let mut sessions = vec![("technician", Session::of(&technician).await), ("manager", Session::of(&manager).await)];
    for (name, scope) in [("office", "0e"), ("admin", "0f")] {
        sessions.push((name, Session::of(&claimed(&admin, scope).await.1).await));
    }

    // Logins that the company made itself: its own service, and a person of another company on the same server.
    for (name, group) in [("backend", "clara_backend"), ("foreign", "clara_manager")] {
        let role = format!("{database}_{name}");
        psql(database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'made here' IN ROLE {group}"));
        let server = Server { role, password: Secret::new("made here"), ..admin.clone() };
        sessions.push((name, Session::of(&server).await));
    }

    let waiting = enrolled(&admin, "1b").await;
    sessions.push(("waiting", Session::of(&waiting.server(waiting.secret.clone(), Floor::Safe)).await));
    sessions.push(("inactive", Session::of(&claimed(&admin, "1a").await.1).await));
    psql(database, &format!("UPDATE users SET is_active = false WHERE id = '{}'", k("1a", 1)));
    // Connected before it is revoked, and not cut: what is left of the rights while the cut is under way.
    sessions.push(("revoked", Session::of(&claimed(&admin, "1c").await.1).await));
    revoke_without_cutting(database, "1c");

    // Books that only a device can have written.
    psql(
        database,
        &format!(
            "INSERT INTO sync.op (op_id, device_id, seq, author, op_hash, payload, outcome)
             SELECT d.id, d.id, 7, d.user_id, '', '{{}}', 'applied' FROM sync.device d;
             INSERT INTO sync.parked (op_id, device_id, author_id, location_id, table_name, row_id, reason, payload)
             SELECT d.id, d.id, d.user_id, (left(d.user_id::text, 2) || right('{}', 34))::uuid, 'jobs', d.id,
                'out_of_scope', to_jsonb('CANARY-' || left(d.user_id::text, 2))
             FROM sync.device d WHERE left(d.user_id::text, 2) IN ('0a', '0b', '0c');
             INSERT INTO sync.repair (device_id, table_name, refetched, purged)
             SELECT d.id, left(d.user_id::text, 2), 1, 0 FROM sync.device d
             WHERE left(d.user_id::text, 2) IN ('0a', '0b', '0c')",
            k("0a", 3)
        ),
    );
    sessions.sort_by_key(|(name, _)| PEOPLE.iter().position(|known| known == name));
    assert_eq!(sessions.iter().map(|(name, _)| *name).collect::<Vec<_>>(), PEOPLE);
    let devices = [own.device_id.uuid(), other.device_id.uuid()];
    Office { database, admin, sessions, devices, roles: [own.role, other.role], technician, manager }
}

fn revoke_without_cutting(database: &str, scope: &str) {
    // What `app.end_logins` does to the rights, without the end of the sessions.
    let role = psql(database, &format!("SELECT role_name FROM app.login WHERE user_id = '{}'", k(scope, 1)));
    psql(
        database,
        &format!(
            "ALTER ROLE {role} NOLOGIN PASSWORD NULL; REVOKE clara_technician FROM {role};
             UPDATE app.login SET claimed_at = NULL WHERE role_name = '{role}';
             UPDATE sync.device SET revoked_at = now() WHERE user_id = '{}'",
            k(scope, 1)
        ),
    );
}
