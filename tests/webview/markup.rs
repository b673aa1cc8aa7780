//! Markup in every field that anybody can fill: names, notes, documents, file names, and what the server says. On every
//! screen it stands as the text that it is.

use serde_json::json;

use crate::laptop::{Laptop, Window};
use crate::office::Office;

/// What gives a planted word away, as text and as an element.
const SIGN: &str = "planted";

/// Plants it in every text, in every text inside a document, and in what the server says when it refuses. Before anybody
/// has fetched anything, so that what triggers guard can be changed too. Says into how many columns.
const PLANT: &str = r#"
    SET session_replication_role = replica;
    CREATE TEMPORARY TABLE planted (of text);
    DO $do$
    DECLARE
        cell record;
        markup text;
        changed bigint;
    BEGIN
        FOR cell IN
            SELECT c.table_name AS of, c.column_name AS name, c.data_type = 'jsonb' AS document
            FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
                AND c.data_type IN ('text', 'character varying', 'jsonb')
                AND NOT (c.table_name LIKE 'inspection_records\_%' OR c.table_name LIKE 'performance_metrics%')
                -- What the program itself reads: keys by which parts find each other, and words of a fixed list.
                AND c.column_name NOT LIKE '%\_key' AND c.column_name NOT IN ('job_number', 'condition', 'deficiency')
        LOOP
            FOREACH markup IN ARRAY ARRAY[
                '<img class=planted src=x onerror=window.hostile=1>', '<b class=planted>', '<i class=planted'
            ] LOOP
                BEGIN
                    IF cell.document THEN
                        EXECUTE format(
                            'UPDATE public.%1$I SET %2$I = regexp_replace(%2$I::text,
                                ''("(?:label|text|title|name|value|note|findings|action)": ")'', ''\1%3$s'', ''g'')::jsonb
                             WHERE %2$I::text ~ ''"(?:label|text|title|name|value|note|findings|action)": "''',
                            cell.of, cell.name, markup);
                    ELSE
                        EXECUTE format('UPDATE public.%1$I SET %2$I = %3$L || %2$I WHERE %2$I IS NOT NULL',
                            cell.of, cell.name, markup);
                    END IF;
                    GET DIAGNOSTICS changed = ROW_COUNT;
                    IF changed > 0 THEN INSERT INTO planted VALUES (cell.of || '.' || cell.name); END IF;
                    EXIT;
                EXCEPTION WHEN check_violation OR string_data_right_truncation OR unique_violation THEN
                    -- Too long here, or a word of a list: a shorter one, or none.
                    NULL;
                END;
            END LOOP;
        END LOOP;
    END $do$;
    SET session_replication_role = DEFAULT;
    CREATE FUNCTION public.hostile() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '<img class=planted src=x onerror=window.hostile=1>'; END $$;
    CREATE TRIGGER hostile BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.hostile();
    SELECT string_agg(of, ' ' ORDER BY of) FROM planted"#;

#[test]
fn markup_in_every_field_file_name_and_server_error_is_text_on_every_screen() {
    let office = Office::open();
    let planted = office.ask(PLANT);
    let planted: Vec<&str> = planted.lines().last().unwrap_or_default().split(' ').collect();
    println!("{} columns: {planted:?}", planted.len());
    assert!(planted.len() > 40, "{planted:?}");
    for wanted in ["customers.company_name", "jobs.title", "locations.access_notes", "template_items.label"] {
        assert!(planted.contains(&wanted), "{wanted}: {planted:?}");
    }

    let laptop = Laptop::new("markup");
    let window = laptop.open();
    window.see("firstrun-enroll-text");
    window.paste("firstrun-enroll-text", &office.enroll("tech_dana"));
    window.write("firstrun-device-name", "<b class=planted>laptop");
    window.write("firstrun-passphrase", "seven green valves");
    window.press("firstrun-enroll");
    window.arrives("rail-today");
    window.arrives("today-continue");
    window.arrives_css("[data-testid=\"sync-light\"][data-state=\"server\"][data-only-here=\"0\"]");

    let mut seen = Seen { window: &window, screens: 0, with_words: 0 };
    for place in ["today", "jobs", "equipment", "specs", "sync", "gaps"] {
        window.press(&format!("rail-{place}"));
        window.see_css(&format!("[data-testid=\"rail-{place}\"][aria-current=\"page\"]"));
        seen.screen(place);
    }
    window.press("rail-specs");
    window.write("specs-input", "<img class=planted src=x");
    window.press_css("[data-testid=\"spec-row\"]");
    seen.screen("spec");
    window.press("rail-equipment");
    window.press("equipment-row");
    seen.screen("equipment-item");

    // A file that is no photo is refused by its name.
    let name = "<img class=planted src=x onerror=window.hostile=1>.jpg";
    let file = laptop.desk().join(name);
    std::fs::write(&file, "no picture").unwrap();
    window.find("[data-testid=\"photo-file\"]").unwrap().keys(&file.display().to_string()).expect("a file is given");
    window.see("photo-refused");
    seen.screen("photo-refused");

    window.press("rail-jobs");
    window.press("job-row-J-20821");
    seen.screen("job");
    window.press("job-start");
    window.press("device-row");
    window.see("save-state");
    seen.screen("inspection");
    window.write("findings", "<img class=planted src=x onerror=window.hostile=1>");
    window.script("document.activeElement?.blur()", json!([]));
    window.see_css("[data-testid=\"save-state\"][data-state=\"saved\"][data-dirty=\"false\"]");
    seen.screen("inspection-written");

    // The job was begun, and the server refuses that with words of its own.
    window.press("rail-sync");
    window.press("sync-now");
    window.press_css("[data-testid=\"work-row\"][data-state=\"needs_you\"]");
    window.see("work-card");
    seen.screen("refused");
    window.press("rail-today");
    window.press("omni");
    window.see("palette-input");
    window.write("palette-input", "planted");
    seen.screen("search");

    println!("figure: screens with markup in every field | {} | 0", seen.screens);
    assert!(seen.with_words >= 8, "the words were on {} of {} screens", seen.with_words, seen.screens);
}

struct Seen<'w> {
    window: &'w Window,
    screens: usize,
    /// Screens on which the planted words could be read.
    with_words: usize,
}

impl Seen<'_> {
    fn screen(&mut self, name: &str) {
        let window = self.window;
        window.hears("the screen is drawn", "return !document.querySelector('[aria-busy=true]')", json!([]));
        let elements = window.script("return document.getElementsByClassName(arguments[0]).length", json!([SIGN]));
        let ran = window.script("return window.hostile ?? null", json!([]));
        let words = window.script("return document.body.innerText.includes('class=' + arguments[0])", json!([SIGN]));
        window.picture(name);
        assert_eq!((elements.as_u64(), ran.is_null()), (Some(0), true), "{name}: it became part of the page");
        assert_eq!(window.complaints(), Vec::<String>::new(), "{name}");
        assert!(window.find("[data-testid=\"failure\"]").is_none(), "{name} shows a failure");
        self.screens += 1;
        self.with_words += usize::from(words == json!(true));
    }
}
