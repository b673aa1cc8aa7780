-- An amendment that came in one push with the inspection it amends was refused for good, for lack of that inspection: all
-- inspections of a push go in by one statement, which does not see its own rows. That is every amendment written before
-- the first sync of the day. What amends goes in after what it amends.
SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION sync.insert_batch(entity text, ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE
    taken text[];
    good sync.incoming[];
    first sync.incoming[];
    made sync.verdict[];
    verdicts sync.verdict[] := '{}';
BEGIN
    SELECT array_agg(p.field) INTO taken FROM sync.field_policy p
    WHERE p.table_name = insert_batch.entity
      AND (p.inserted_by IN ('anyone', 'server') OR (p.inserted_by = 'office' AND who.sees_all));
    SELECT array_agg(o ORDER BY o.seq) INTO good FROM unnest(ops) o
    WHERE o.new - taken = '{}' AND octet_length(o.new::text) <= 262144 AND NOT o.new @? '$.**{66}';
    IF good IS NULL OR cardinality(good) < cardinality(ops) THEN
        SELECT array_agg(v) FILTER (WHERE f.fault IS NOT NULL),
            array_agg(o ORDER BY o.seq) FILTER (WHERE f.fault IS NULL)
        INTO verdicts, good
        FROM unnest(ops) o
        CROSS JOIN LATERAL (SELECT sync.fault_of_fields(insert_batch.entity, o.new, true, who.sees_all) AS fault) f
        CROSS JOIN LATERAL (SELECT sync.refused(o, f.fault, NULL) AS v) r;
        verdicts := coalesce(verdicts, '{}');
    END IF;
    IF entity <> 'inspection_records' OR NOT EXISTS (SELECT FROM unnest(good) o
        WHERE o.new ->> 'amends_inspection_id' IS NOT NULL) THEN
        IF good IS NOT NULL THEN
            verdicts := verdicts || sync.insert_rows(entity, good, who);
        END IF;
        RETURN verdicts;
    END IF;
    WHILE good IS NOT NULL LOOP
        -- What was parked a moment ago is in nobody's list yet, so what amends it is parked behind it here.
        SELECT array_agg(sync.refused(o, 'parent_parked:amends_inspection_id', held.location_id))
                FILTER (WHERE held.there),
            array_agg(o ORDER BY o.seq) FILTER (WHERE held.there IS NULL AND amended.there IS NULL),
            array_agg(o ORDER BY o.seq) FILTER (WHERE held.there IS NULL AND amended.there)
        INTO made, first, good
        FROM unnest(good) o
        LEFT JOIN LATERAL (SELECT true AS there, v.location_id FROM unnest(ops) p
            JOIN unnest(verdicts) v ON v.op_id = p.op_id AND v.outcome = 'parked'
            WHERE p.row_id::text = o.new ->> 'amends_inspection_id' LIMIT 1) held ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM unnest(good) p
            WHERE p.row_id::text = o.new ->> 'amends_inspection_id' LIMIT 1) amended ON true;
        verdicts := verdicts || coalesce(made, '{}');
        IF first IS NULL AND made IS NULL THEN
            -- Each amends another, in a ring: there is no first one, and all of them miss something.
            first := good;
            good := NULL;
        END IF;
        IF first IS NOT NULL THEN
            verdicts := verdicts || sync.insert_rows(entity, first, who);
        END IF;
    END LOOP;
    RETURN verdicts;
END
$$;

RESET ROLE;
