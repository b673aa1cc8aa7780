//! Every function of ours from every login, and what those that may be called give for somebody else's ids.

use std::collections::{BTreeMap, BTreeSet};

use crate::company::{found, k};
use crate::support::psql;

fn expected() -> BTreeMap<String, BTreeSet<&'static str>> {
    let lines = include_str!("functions.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, who) = line.split_at(line.find(')').unwrap() + 1);
            (name.to_owned(), who.split_whitespace().collect())
        })
        .collect()
}

/// Name with argument types, and a call with nothing in every argument.
fn catalogue(database: &str) -> Vec<(String, String)> {
    let text = psql(
        database,
        "SELECT concat_ws('|', format('%s.%s(%s)', n.nspname, p.proname, types.list),
            format('SELECT %I.%I(%s)', n.nspname, p.proname, types.nothing))
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         CROSS JOIN LATERAL (SELECT string_agg(format_type(t, NULL), ',' ORDER BY i) AS list,
                string_agg(format('NULL::%s', format_type(t, NULL)), ', ' ORDER BY i) AS nothing
            FROM unnest(p.proargtypes) WITH ORDINALITY u(t, i)) types
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1",
    );
    text.lines().map(|line| line.split_once('|').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_may_be_called_by_whom_it_is_written_down_for() {
    let mut office = found("calls").await;
    let expected = expected();
    let functions = catalogue(office.database);
    assert!(functions.len() > 60, "the catalogue was read: {}", functions.len());
    let names: BTreeSet<&String> = functions.iter().map(|(name, _)| name).collect();
    let vanished: Vec<_> = expected.keys().filter(|name| !names.contains(name)).collect();
    assert!(vanished.is_empty(), "functions.txt has {vanished:?} too many");

    let statements: Vec<String> = functions.iter().map(|(_, call)| call.clone()).collect();
    let (mut cells, mut wrong) = (0, Vec::new());
    for (person, session) in &mut office.sessions {
        let groups: &[&str] = match *person {
            "backend" => &["backend"],
            "revoked" => &[],
            "technician" | "waiting" => &["people"],
            _ => &["people", "office"],
        };
        for ((name, _), answer) in functions.iter().zip(session.try_each(&statements).await) {
            let may = expected.get(name).is_some_and(|who| groups.iter().any(|group| who.contains(group)));
            cells += 1;
            // 42704: this login does not even see the types of its arguments.
            if may == (answer.is_denied() || answer.code() == "42704") {
                wrong.push(format!("{person} {name}: {answer:?}"));
            }
        }
    }
    println!("figure: rights, function cells | {cells} | {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definer_function_has_a_pinned_search_path_and_an_owner_that_cannot_log_in() {
    let office = found("definers").await;
    let loose = psql(
        office.database,
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         JOIN pg_roles r ON r.oid = p.proowner
         WHERE p.prosecdef AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls
                OR 'search_path=pg_catalog, pg_temp' <> ALL (coalesce(p.proconfig, '{}')))",
    );
    assert_eq!(loose, "");
    let leakproof = psql(
        office.database,
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.proleakproof AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
    );
    assert_eq!(leakproof, "", "a function of ours that claims to leak nothing is run before the policies");
}

/// Every function that people may call, with what belongs to another: the call, and what it must answer.
fn probes(other_device: uuid::Uuid) -> Vec<(&'static str, String, &'static str)> {
    let (photo, waiting) = (k("0b", 15), k("0b", 16));
    let operation = format!(
        r#"[{{"op_id": "{}", "seq": 1, "root_id": "{job}", "entity": "jobs", "row_id": "{job}", "kind": "update", "base_row_ver": 1, "base": {{}}, "new": {{"job_status": "completed"}}}}]"#,
        k("0a", 99),
        job = k("0b", 8)
    );
    vec![
        ("app.me()", "SELECT app.me()::text".into(), "0a000000-0000-4000-8000-000000000001"),
        ("app.my_role()", "SELECT app.my_role()::text".into(), "technician"),
        ("app.sees_all()", "SELECT app.sees_all()::text".into(), "false"),
        ("app.mirrors_all()", "SELECT app.mirrors_all()::text".into(), "false"),
        // Of another's laptop: its history counts nothing, and it is not this person's.
        (
            "sync.hello(uuid)",
            format!("SELECT concat(h -> 11, ' ', h -> 12) FROM sync.hello('{other_device}') h"),
            "0 false",
        ),
        // Names of tables, of which each was looked at under row security.
        (
            "sync.changed(pg_snapshot)",
            "SELECT count(*)::text FROM sync.changed(pg_current_snapshot()) c WHERE c <> ''".into(),
            "0",
        ),
        // The same two and rows, each of which was looked at under row security; no history of another's laptop.
        (
            "sync.pull(uuid,pg_snapshot)",
            format!(
                "SELECT concat(h.line::jsonb -> 11, ' ', h.line::jsonb -> 12)
                 FROM sync.pull('{other_device}', '1:1:') h(line) LIMIT 1"
            ),
            "0 false",
        ),
        (
            "sync.push(uuid,jsonb)",
            format!("SELECT sync.push('{other_device}', '{operation}')::text"),
            r#"{"refused": "device_unknown"}"#,
        ),
        (
            "sync.report_unsent(uuid,integer,timestamp with time zone)",
            format!(
                "SELECT concat(sync.report_unsent('{other_device}', 41, now()), (SELECT count(*) FROM sync.device WHERE unsent_count = 41))"
            ),
            "0",
        ),
        (
            "sync.photo_ask(uuid,integer)",
            format!("SELECT coalesce(state, 'none') FROM sync.photo_ask('{waiting}', 1)"),
            "none",
        ),
        ("sync.photo_fetch(uuid,integer)", format!("SELECT (sync.photo_fetch('{photo}', 0) IS NULL)::text"), "true"),
        (
            "sync.photo_chunk(uuid,integer,bytea)",
            format!("SELECT sync.photo_chunk('{waiting}', 0, 'x')::text"),
            "CL010",
        ),
        ("sync.photo_finish(uuid)", format!("SELECT sync.photo_finish('{waiting}')::text"), "CL010"),
        // What the server keeps of another's laptop is neither had nor put in another's place.
        (
            "sync.keep_lock_key(uuid,bytea)",
            format!("SELECT sync.keep_lock_key('{other_device}', decode(repeat('ab', 32), 'hex'))::text"),
            "false",
        ),
        ("sync.lock_key_of(uuid)", format!("SELECT (sync.lock_key_of('{other_device}') IS NULL)::text"), "true"),
        (
            "sync.use_enrolment(uuid,text)",
            format!("SELECT sync.use_enrolment('{other_device}', 'guess')::text"),
            "CLE03",
        ),
        (
            "sync.claim(uuid,text,text)",
            format!("SELECT sync.claim('{other_device}', 'guess', 'SCRAM-SHA-256$4096:QQ==$QQ==:QQ==')::text"),
            "CLE03",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_may_call_gives_nothing_of_anothers() {
    let mut office = found("anothers").await;
    let probes = probes(office.devices[1]);
    let probed: BTreeSet<&str> = probes.iter().map(|(name, ..)| *name).collect();
    let people = expected().into_iter().filter(|(_, who)| who.contains("people"));
    for (name, _) in people {
        assert!(probed.contains(name.as_str()), "{name} is for people, and nobody has tried another's ids on it");
    }
    let statements: Vec<String> = probes.iter().map(|(_, statement, _)| statement.clone()).collect();
    let answers = office.sessions[0].1.try_each(&statements).await;
    for ((name, _, wanted), answer) in probes.iter().zip(&answers) {
        let got = answer.value().unwrap_or_else(|| answer.code());
        assert_eq!(got, *wanted, "{name}: {answer:?}");
    }
    // The same calls do give something for one's own ids, so that the answers above say something.
    let own = office.devices[0];
    let answers = office.sessions[0]
        .1
        .try_each(&[
            format!("SELECT concat(h -> 11, ' ', h -> 12) FROM sync.hello('{own}') h"),
            format!("SELECT sync.push('{own}', '[]')::text"),
            format!("SELECT state FROM sync.photo_ask('{}', 1)", k("0a", 16)),
            format!("SELECT (sync.photo_fetch('{}', 0) IS NULL)::text", k("0a", 15)),
        ])
        .await;
    let got: Vec<&str> = answers.iter().map(|answer| answer.value().unwrap_or_default()).collect();
    assert_eq!(got, ["7 true", r#"{"receipts": []}"#, "waiting", "false"]);
    // Another's work is put in by the office alone: not by a manager, nor by somebody of the group who has left.
    for (person, session) in
        office.sessions.iter_mut().filter(|(name, _)| matches!(*name, "manager" | "inactive" | "foreign"))
    {
        let answers = session.try_each(&[format!("SELECT sync.rescue('{own}', '[]')::text")]).await;
        assert_eq!(answers[0].value(), Some(r#"{"refused": "not_allowed"}"#), "{person}");
    }
    // And nobody at all gets anything of anybody's.
    for (person, session) in
        office.sessions.iter_mut().filter(|(name, _)| matches!(*name, "waiting" | "inactive" | "foreign"))
    {
        let answers = session
            .try_each(&[
                format!("SELECT concat(h -> 9, h -> 10, h -> 11, h -> 12) FROM sync.hello('{own}') h"),
                format!("SELECT sync.push('{own}', '[]')::text"),
                format!("SELECT coalesce(state, 'none') FROM sync.photo_ask('{}', 1)", k("0a", 16)),
                format!("SELECT (sync.photo_fetch('{}', 0) IS NULL)::text", k("0a", 15)),
                "SELECT sync.changed('1:1:')".to_owned(),
            ])
            .await;
        let got: Vec<&str> = answers.iter().map(|answer| answer.value().unwrap_or_default()).collect();
        assert_eq!(got, ["nullnull0false", r#"{"refused": "device_unknown"}"#, "none", "true", ""], "{person}");
    }
}
