//! Table × login × verb × whose row, each cell by doing it.

use std::collections::{BTreeMap, BTreeSet};

use crate::company::{PEOPLE, SCOPES, found, k};
use crate::session::Answer;
use crate::support::psql;

/// What a login may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    reads: Reads,
    writes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Refused,
    None,
    Own,
    All,
}

struct Line {
    key: Option<&'static str>,
    cells: Vec<Cell>,
}

fn expected() -> (BTreeMap<String, Line>, BTreeMap<String, BTreeSet<&'static str>>) {
    let mut lines = BTreeMap::new();
    let mut columns = BTreeMap::new();
    for line in include_str!("tables.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some((table, names)) = line.split_once(": ") {
            columns.insert(format!("public.{table}"), names.split(' ').collect());
            continue;
        }
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let cells: Vec<Cell> = words[2..]
            .iter()
            .map(|word| {
                let (reads, writes) = word.split_once('+').map_or((*word, ""), |(reads, writes)| (reads, writes));
                assert!(matches!(writes, "" | "iud"), "{line}");
                let reads = match reads {
                    "-" => Reads::Refused,
                    "none" => Reads::None,
                    "own" => Reads::Own,
                    "all" => Reads::All,
                    other => panic!("{other}: {line}"),
                };
                Cell { reads, writes: !writes.is_empty() }
            })
            .collect();
        assert_eq!(cells.len(), PEOPLE.len(), "{line}");
        let key = Some(words[1]).filter(|key| *key != "-");
        assert!(lines.insert(words[0].to_owned(), Line { key, cells }).is_none(), "twice: {line}");
    }
    (lines, columns)
}

/// A relation of the catalogue, and the line of `tables.txt` that is about it.
struct Relation {
    name: String,
    entry: String,
    kind: String,
    oid: String,
    columns: Vec<String>,
}

fn catalogue(database: &str) -> Vec<Relation> {
    let text = psql(
        database,
        "SELECT concat_ws('|', format('%I.%I', n.nspname, c.relname),
            coalesce((SELECT format('%I.%I/partition', pn.nspname, p.relname) FROM pg_inherits i
                JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                WHERE i.inhrelid = c.oid), format('%I.%I', n.nspname, c.relname)),
            c.relkind, c.oid,
            (SELECT string_agg(format('%I', a.attname), ',' ORDER BY a.attnum) FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         ORDER BY 1",
    );
    text.lines()
        .map(|line| {
            let parts: Vec<&str> = line.split('|').collect();
            Relation {
                name: parts[0].to_owned(),
                entry: parts[1].to_owned(),
                kind: parts[2].to_owned(),
                oid: parts[3].to_owned(),
                columns: parts.get(4).unwrap_or(&"").split(',').map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// One thing to try, and what must come of it.
struct Probe {
    statement: String,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    /// 42501, or an error that comes before rights are even looked at because the thing cannot be done to its kind.
    Denied,
    /// Anything but a lack of rights: a broken key says that the door was open.
    Permitted,
    /// Exactly so many rows for each of [`SCOPES`], and so many in all.
    Rows(Vec<u64>, u64),
    /// This one row.
    Exactly(Vec<String>),
}

fn met(wanted: &Wanted, answer: &Answer, is_table: bool) -> bool {
    match wanted {
        Wanted::Denied => answer.is_denied() || (!is_table && answer.code() != "ok"),
        Wanted::Permitted => answer.code() == "ok" || answer.code().starts_with("23"),
        Wanted::Exactly(row) => matches!(answer, Answer::Rows(rows) if rows.first() == Some(row)),
        Wanted::Rows(each, all) => match answer {
            Answer::Rows(rows) => {
                let counted: Vec<u64> = rows[0].iter().map(|count| count.parse().unwrap()).collect();
                counted[..each.len()] == each[..] && counted.last() == Some(all)
            }
            Answer::Refused(..) => false,
        },
    }
}

/// How many rows there are for each of [`SCOPES`], and in all. `count(*)` where there is no key.
fn census(relation: &str, key: Option<&str>) -> String {
    let each = key.map_or(String::new(), |key| {
        SCOPES.iter().map(|s| format!("count(*) FILTER (WHERE {key}::text LIKE '{s}%')::text, ")).collect()
    });
    format!("SELECT {each}count(*)::text FROM {relation}")
}

fn probes(
    relation: &Relation,
    line: &Line,
    cell: Cell,
    real: &[u64],
    samples: &[String],
    listed: Option<&BTreeSet<&str>>,
) -> Vec<Probe> {
    let name = &relation.name;
    let mut probes = Vec::new();
    let mut add = |statement: String, wanted: Wanted| probes.push(Probe { statement, wanted });
    let (all, each) = real.split_last().unwrap();
    let seen = match cell.reads {
        Reads::Refused => Wanted::Denied,
        Reads::None => Wanted::Rows(vec![0; each.len()], 0),
        Reads::Own => {
            Wanted::Rows(each.iter().enumerate().map(|(n, count)| if n == 0 { *count } else { 0 }).collect(), each[0])
        }
        Reads::All => Wanted::Rows(each.to_vec(), *all),
    };
    add(census(name, line.key), seen);
    let may_read = |column: &str| {
        cell.reads != Reads::Refused && (listed.is_none_or(|names| names.contains(column)) || cell.writes)
    };
    for column in &relation.columns {
        let wanted = if may_read(column) { Wanted::Permitted } else { Wanted::Denied };
        add(format!("SELECT {column}::text FROM {name} LIMIT 0"), wanted);
    }
    // What was granted and then stopped by a policy looks like a refusal. One slip further and it is none.
    let granted = |verb: &str| format!("has_any_column_privilege({}::oid, '{verb}')", relation.oid);
    let table = |verb: &str| format!("has_table_privilege({}::oid, '{verb}')", relation.oid);
    let rights = [
        granted("INSERT"),
        granted("UPDATE"),
        table("DELETE"),
        granted("REFERENCES"),
        table("TRUNCATE"),
        table("TRIGGER"),
    ];
    let told = [cell.writes, cell.writes, cell.writes, false, false, false].map(|may| u64::from(may).to_string());
    if relation.kind != "S" {
        let columns: Vec<String> = rights.iter().map(|right| format!("({right})::integer::text")).collect();
        add(format!("SELECT {}", columns.join(", ")), Wanted::Exactly(told.into()));
    }
    let writes = if cell.writes { Wanted::Permitted } else { Wanted::Denied };
    if relation.kind != "S" {
        add(format!("INSERT INTO {name} DEFAULT VALUES"), writes.clone());
        for column in &relation.columns {
            add(format!("UPDATE {name} SET {column} = DEFAULT"), writes.clone());
        }
        add(format!("DELETE FROM {name}"), writes.clone());
        add(
            format!("MERGE INTO {name} USING (SELECT 1) x ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES"),
            writes.clone(),
        );
        for sample in samples {
            let row = format!("SELECT * FROM jsonb_populate_record(NULL::{name}, $clara${sample}$clara$)");
            add(format!("INSERT INTO {name} {row}"), writes.clone());
            // CVE-2026-120154 read hidden rows this way; it wants both rights, and nobody has them.
            if cell.reads != Reads::Refused || !cell.writes {
                add(format!("INSERT INTO {name} {row} ON CONFLICT DO NOTHING"), writes.clone());
            }
        }
        if let Some(key) = line.key {
            for scope in SCOPES {
                let mine = format!("WHERE {key}::text LIKE '{scope}%'");
                add(format!("UPDATE {name} SET {key} = {key} {mine}"), writes.clone());
                add(format!("DELETE FROM {name} {mine}"), writes.clone());
                add(format!("SELECT FROM {name} {mine} FOR UPDATE"), writes.clone());
            }
        }
        add(format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"), writes);
    }
    for verb in [
        format!("TRUNCATE {name}"),
        format!(
            "CREATE TRIGGER probe BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE RULE probe AS ON UPDATE TO {name} DO INSTEAD NOTHING"),
        format!("CREATE POLICY probe ON {name} USING (true)"),
        format!("ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {name} OWNER TO CURRENT_USER"),
        format!("ALTER TABLE {name} ADD COLUMN probe integer"),
        format!("CREATE INDEX ON {name} (({}::text))", relation.columns[0]),
        format!("COMMENT ON TABLE {name} IS 'probe'"),
        format!("DROP TABLE {name} CASCADE"),
    ] {
        add(verb, Wanted::Denied);
    }
    probes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_does_with_every_table_what_is_written_down_and_nothing_else() {
    let mut office = found("matrix").await;
    let (lines, columns) = expected();
    let relations = catalogue(office.database);
    let there: BTreeSet<&str> = relations.iter().map(|relation| relation.entry.as_str()).collect();
    let written: BTreeSet<&str> = lines.keys().map(String::as_str).collect();
    let unwritten: Vec<_> = there.difference(&written).collect();
    let vanished: Vec<_> = written.difference(&there).collect();
    assert!(
        unwritten.is_empty() && vanished.is_empty(),
        "tables.txt lacks {unwritten:?} and has {vanished:?} too many"
    );

    let before = psql(office.database, FINGERPRINT);
    let (mut cells, mut wrong) = (0_u32, Vec::new());
    for relation in &relations {
        let line = &lines[&relation.entry];
        let real: Vec<u64> =
            psql(office.database, &census(&relation.name, line.key)).split('|').map(|n| n.parse().unwrap()).collect();
        if line.key.is_some() {
            assert!(real.iter().all(|count| *count > 0), "{}: {real:?} leaves a scope untested", relation.name);
        }
        let samples: Vec<String> = line.key.map_or(Vec::new(), |key| {
            let one = |s| format!("SELECT to_jsonb(t) FROM {} t WHERE {key}::text LIKE '{s}%' LIMIT 1", relation.name);
            SCOPES.iter().map(|s| psql(office.database, &one(s))).collect()
        });
        for ((person, session), cell) in office.sessions.iter_mut().zip(&line.cells) {
            let probes = probes(relation, line, *cell, &real, &samples, columns.get(&relation.name));
            let statements: Vec<String> = probes.iter().map(|probe| probe.statement.clone()).collect();
            let answers = session.try_each(&statements).await;
            for (probe, answer) in probes.iter().zip(answers) {
                cells += 1;
                if !met(&probe.wanted, &answer, matches!(relation.kind.as_str(), "r" | "p")) {
                    wrong.push(format!("{person}: {}\n    wanted {:?}, got {answer:?}", probe.statement, probe.wanted));
                }
            }
        }
    }
    println!("figure: rights, table cells | {cells} | {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
    assert_eq!(psql(office.database, FINGERPRINT), before, "no probe left a trace in rights, policies or triggers");
}

/// Rights, owners, policies and triggers, in one number.
const FINGERPRINT: &str = "SELECT md5(concat(
    (SELECT string_agg(c::text, '' ORDER BY c.oid) FROM (SELECT oid, relacl, relowner, relrowsecurity, relforcerowsecurity FROM pg_class) c),
    (SELECT string_agg(p::text, '' ORDER BY p.oid) FROM pg_policy p),
    (SELECT string_agg(t::text, '' ORDER BY t.oid) FROM (SELECT oid, tgrelid, tgfoid, tgenabled FROM pg_trigger) t)))";

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_too_many_is_noticed() {
    let mut office = found("granted").await;
    let (lines, columns) = expected();
    let relations = catalogue(office.database);
    let jobs = relations.iter().find(|relation| relation.name == "public.jobs").unwrap();
    let line = &lines["public.jobs"];
    let real: Vec<u64> =
        psql("granted", &census("public.jobs", line.key)).split('|').map(|n| n.parse().unwrap()).collect();
    let sample = psql("granted", &format!("SELECT to_jsonb(j) FROM jobs j WHERE id = '{}'", k("0b", 8)));
    for hole in [
        "GRANT UPDATE (title) ON jobs TO clara_technician",
        "CREATE POLICY hole ON jobs FOR SELECT TO clara_technician USING (assigned_technician_id IS NULL)",
        "GRANT TRIGGER ON jobs TO clara_technician",
        "GRANT INSERT ON jobs TO PUBLIC",
    ] {
        psql("granted", hole);
        let probes =
            probes(jobs, line, line.cells[0], &real, std::slice::from_ref(&sample), columns.get("public.jobs"));
        let statements: Vec<String> = probes.iter().map(|probe| probe.statement.clone()).collect();
        let answers = office.sessions[0].1.try_each(&statements).await;
        let wrong = probes.iter().zip(&answers).filter(|(probe, answer)| !met(&probe.wanted, answer, true)).count();
        assert!(wrong > 0, "{hole}");
        psql(
            "granted",
            "REVOKE ALL ON jobs FROM clara_technician, PUBLIC; GRANT SELECT ON jobs TO clara_technician;
            DROP POLICY IF EXISTS hole ON jobs; REVOKE UPDATE (title) ON jobs FROM clara_technician",
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ours_is_anybodys_and_its_owners_cannot_log_in() {
    let office = found("nobody").await;
    let public = psql(
        office.database,
        "SELECT format('%s %s', what, privilege_type) FROM (
            SELECT c.oid::regclass::text AS what, a.* FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace::regnamespace::text IN ('public', 'app', 'sync', 'clara', 'report')
            UNION ALL SELECT n.nspname, a.* FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname IN ('public', 'app', 'sync', 'clara', 'report')
            UNION ALL SELECT d.datname, a.* FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
            UNION ALL SELECT t.attrelid::regclass || '.' || t.attname, a.* FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid,
                aclexplode(t.attacl) a WHERE c.relnamespace::regnamespace::text IN ('public', 'app', 'sync', 'clara', 'report')
            UNION ALL SELECT p.oid::regprocedure::text, a.* FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace::regnamespace::text IN ('public', 'app', 'sync', 'clara', 'report')
         ) x WHERE grantee = 0",
    );
    assert_eq!(public, "", "nothing is granted to PUBLIC");
    let able = psql(
        office.database,
        "SELECT rolname FROM pg_roles WHERE rolname IN ('clara_owner', 'clara_sync', 'clara_technician', 'clara_manager',
            'clara_office', 'clara_admin', 'clara_backend')
         AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)",
    );
    assert_eq!(able, "", "groups and owners have no power of their own");
    let strange = psql(
        office.database,
        "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('public', 'app', 'sync', 'report') AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
           AND pg_get_userbyid(c.relowner) NOT IN ('clara_owner', 'clara_sync')",
    );
    assert_eq!(strange, "", "owned by somebody else");
    // A view looks with its owner's eyes, and a materialised one has none. Those of `report` ask who is there, which
    // the cells of `inactive` and `foreign` show.
    let leaking = psql(
        office.database,
        "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('v', 'm') AND n.nspname IN ('public', 'app', 'sync', 'report')
           AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
           AND NOT (n.nspname = 'report' AND c.relkind = 'v' AND coalesce('security_barrier=true' = ANY (c.reloptions), false)
                AND pg_get_viewdef(c.oid) LIKE '%report.may_read()%')
           AND EXISTS (SELECT FROM unnest(ARRAY['clara_technician', 'clara_manager', 'clara_office', 'clara_admin']) g
                WHERE has_any_column_privilege(g, c.oid, 'SELECT'))",
    );
    assert_eq!(leaking, "", "a view that shows everything");
}
