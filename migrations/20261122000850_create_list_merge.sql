-- An import brings the items of one list on many lines and in many batches, and brings them again the next day. Items
-- with the same `id` are the same item: replaced in its place, else added at the end; so a second import changes nothing.
SET LOCAL ROLE clara_owner;

CREATE FUNCTION app.merge_list(p_old jsonb, p_new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(item ORDER BY rank, position), '[]'::jsonb)
    FROM (
        SELECT coalesce((SELECT n FROM jsonb_array_elements(p_new) n WHERE n ->> 'id' = o.item ->> 'id' LIMIT 1), o.item) AS item,
               1 AS rank, o.position
        FROM jsonb_array_elements(coalesce(p_old, '[]'::jsonb)) WITH ORDINALITY AS o(item, position)
        UNION ALL
        SELECT n.item, 2, n.position
        FROM jsonb_array_elements(p_new) WITH ORDINALITY AS n(item, position)
        WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(coalesce(p_old, '[]'::jsonb)) o
            WHERE o = n.item OR o ->> 'id' = n.item ->> 'id')
    ) merged
$$;
GRANT EXECUTE ON FUNCTION app.merge_list(jsonb, jsonb) TO clara_backend;

RESET ROLE;
