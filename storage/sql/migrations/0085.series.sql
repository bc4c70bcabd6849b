-- Series: what is counted by the minute, of spans (type trace) and of metrics. A series is known by
-- a hash of its name, kind, unit and labels (events/series.py).
CREATE TABLE series (
    project_id  integer NOT NULL,
    type        text NOT NULL,
    key         bigint NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL,
    unit        text,
    labels      jsonb NOT NULL,
    cumulative  boolean NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, type, key)
);
CREATE INDEX series_name ON series (project_id, type, name);

-- How often a project had one series too many of a type: its values count under "other" then.
CREATE TABLE series_refused (
    project_id  integer NOT NULL,
    type        text NOT NULL,
    times       bigint NOT NULL,
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, type)
);

-- A distribution as DDSketch has it with a relative accuracy of 1 %: how many values fell into each
-- bin (storage/sketch.py reads it).
CREATE TYPE sketch AS (bins integer[], weights double precision[]);

-- The bin of a value. 0.0200006667066694 is ln(1.01 / 0.99); bins of positive values begin above 0,
-- those of negative ones below.
CREATE FUNCTION sketch_bin(value double precision) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value > 1e-12 THEN ceil(ln(value) / 0.0200006667066694)::integer + 2000
        WHEN value < -1e-12 THEN -(ceil(ln(-value) / 0.0200006667066694)::integer + 2000)
        ELSE 0
    END
$$;

-- Two sketches as one: weights are added, or taken off (sign -1), or the larger of each bin's counts
-- (sign 0). Null where nothing is left.
CREATE FUNCTION sketch_merge(a sketch, b sketch, sign integer) RETURNS sketch
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (a).bins IS NULL AND sign >= 0 THEN b
        WHEN (b).bins IS NULL THEN a
        ELSE (
            SELECT CASE WHEN count(*) > 0 THEN
                ROW(array_agg(bin ORDER BY bin), array_agg(weight ORDER BY bin))::sketch END
            FROM (
                SELECT bin, CASE WHEN sign = 0 THEN max(weight) ELSE sum(weight) END AS weight
                FROM (
                    SELECT * FROM unnest((a).bins, (a).weights) AS of_a (bin, weight)
                    UNION ALL
                    SELECT bin, CASE WHEN sign = 0 THEN weight ELSE weight * sign END
                    FROM unnest((b).bins, (b).weights) AS of_b (bin, weight)
                ) AS both_of
                GROUP BY bin
            ) AS merged
            WHERE weight > 0
        )
    END
$$;

-- The milliseconds of a UUIDv7.
CREATE FUNCTION id_ms(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || lpad(replace(left(id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint
$$;

-- The first id of an id's UTC day (events/ids.py: first_id): the key by which what is derived from
-- a day's rows is partitioned, as they are. Or that of a day so many later.
CREATE FUNCTION day_of_id(id uuid, days integer DEFAULT 0) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((id_ms(id) / 86400000 + days) * 86400000), 12, '0')
        || '70008000000000000000')::uuid
$$;

-- What a minute adds up to, of one series. day_id is the day of the ids of the events that told of
-- it, whatever their own clocks said: so it goes with their rows.
CREATE TABLE trace_minutes (
    day_id      uuid NOT NULL,
    project_id  integer NOT NULL,
    series      bigint NOT NULL,
    minute      integer NOT NULL,
    count       double precision NOT NULL,
    total       double precision NOT NULL,
    least       double precision,
    most        double precision,
    sketch      sketch,
    PRIMARY KEY (project_id, series, minute, day_id)
) PARTITION BY RANGE (day_id);
CREATE TABLE metric_minutes (LIKE trace_minutes INCLUDING ALL) PARTITION BY RANGE (day_id);
CREATE INDEX trace_minutes_time ON trace_minutes (project_id, minute);
CREATE INDEX metric_minutes_time ON metric_minutes (project_id, minute);

-- What minutes gain by rows of `source`: a relation with id, project_id, and the entries of each row
-- as arrays: series, minutes, counts (null: 1 each), amounts, kinds (null: 0 each). An entry's kind is 0 for values whose
-- distribution is kept, 1 for amounts that only add up, 2 for what is missing to the exact total, 3
-- for the least or most value; and 8 more where a series is cumulative: then of the events of a
-- minute the one that has counted furthest tells.
CREATE FUNCTION minutes_of(source text) RETURNS text LANGUAGE sql IMMUTABLE AS $of$
    SELECT format($sql$
        WITH rows_of AS MATERIALIZED (
            SELECT id, day_of_id(id) AS day_id, project_id, series, minutes, counts, amounts, kinds
            FROM %1$s AS given
        ), entries AS (
            SELECT row_of.day_id, row_of.project_id,
                CASE WHEN kind >= 8 THEN row_of.id END AS teller,
                entry.series, entry.minute, coalesce(entry.n, 1) AS n, entry.v,
                coalesce(mod(entry.kind, 8), 0) AS kind
            FROM rows_of AS row_of, unnest(row_of.series, row_of.minutes, row_of.counts,
                row_of.amounts, row_of.kinds) AS entry (series, minute, n, v, kind)
        ), told AS (
            SELECT day_id, project_id, series, minute, teller,
                coalesce(sum(n) FILTER (WHERE kind < 2), 0) AS count,
                coalesce(sum(CASE kind WHEN 2 THEN v ELSE n * v END) FILTER (WHERE kind < 3), 0)
                    AS total,
                min(v) FILTER (WHERE kind <> 2) AS least,
                max(v) FILTER (WHERE kind <> 2) AS most
            FROM entries GROUP BY 1, 2, 3, 4, 5
        ), bins AS (
            SELECT day_id, project_id, series, minute, bin, max(weight) AS weight
            FROM (
                SELECT day_id, project_id, series, minute, teller, sketch_bin(v) AS bin,
                    sum(n) AS weight
                FROM entries WHERE kind = 0 GROUP BY 1, 2, 3, 4, 5, 6
            ) AS of_tellers
            GROUP BY 1, 2, 3, 4, 5
        ), sketches AS (
            SELECT day_id, project_id, series, minute,
                ROW(array_agg(bin ORDER BY bin), array_agg(weight ORDER BY bin))::sketch AS sketch
            FROM bins GROUP BY 1, 2, 3, 4
        ), sums AS (
            SELECT day_id, project_id, series, minute, max(count) AS count, max(total) AS total,
                min(least) AS least, max(most) AS most, bool_or(teller IS NOT NULL) AS cumulative
            FROM told GROUP BY 1, 2, 3, 4
        )
        SELECT day_id, project_id, series, minute, count, total, least, most, sketch, cumulative
        FROM sums LEFT JOIN sketches USING (day_id, project_id, series, minute)
    $sql$, source)
$of$;

-- Add to a table of minutes what `source` brings. In the order of their keys, so that two writers
-- never wait for each other.
CREATE FUNCTION add_minutes_of(target text, source text) RETURNS text
LANGUAGE sql IMMUTABLE AS $of$
    SELECT format($sql$
        INSERT INTO %1$I AS kept
            (day_id, project_id, series, minute, count, total, least, most, sketch)
        SELECT day_id, project_id, series, minute, count, total, least, most, sketch
        FROM (%2$s) AS gained
        WHERE %3$s
        ORDER BY project_id, series, minute, day_id
        ON CONFLICT (project_id, series, minute, day_id) DO UPDATE SET
    $sql$, target, minutes_of(source), 'cumulative = %L')
$of$;

CREATE FUNCTION grow_minutes() RETURNS trigger LANGUAGE plpgsql AS $grow$
DECLARE
    target text := TG_ARGV[0];
    statement text := add_minutes_of(target, 'added');
    cumulates boolean;
BEGIN
    EXECUTE format(statement, false) || $set$
        count = kept.count + excluded.count,
        total = kept.total + excluded.total,
        least = least(kept.least, excluded.least),
        most = greatest(kept.most, excluded.most),
        sketch = sketch_merge(kept.sketch, excluded.sketch, 1)
    $set$;
    SELECT EXISTS (SELECT FROM added WHERE 8 <= ANY (kinds)) INTO cumulates;
    IF cumulates THEN
        EXECUTE format(statement, true) || $set$
            count = greatest(kept.count, excluded.count),
            total = greatest(kept.total, excluded.total),
            least = least(kept.least, excluded.least),
            most = greatest(kept.most, excluded.most),
            sketch = sketch_merge(kept.sketch, excluded.sketch, 0)
        $set$;
    END IF;
    RETURN NULL;
END
$grow$;

-- Take rows that were deleted out of the minutes. What adds up is taken off; of what accumulates,
-- and of the least and most value, only the rows that are left can tell: such minutes are made anew
-- from the rows of their project and day.
CREATE FUNCTION shrink_minutes() RETURNS trigger LANGUAGE plpgsql AS $shrink$
DECLARE
    target text := TG_ARGV[0];
    rows_of text := TG_TABLE_NAME;
    affected record;
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS minutes_lost
        (day_id uuid, project_id integer, series bigint, minute integer) ON COMMIT DELETE ROWS;
    TRUNCATE minutes_lost;
    INSERT INTO minutes_lost
    SELECT DISTINCT day_of_id(removed.id), removed.project_id, entry.series, entry.minute
    FROM removed, unnest(removed.series, removed.minutes) AS entry (series, minute);
    EXECUTE format(
        'DELETE FROM %I AS kept USING minutes_lost AS lost WHERE kept.project_id = lost.project_id'
        ' AND kept.series = lost.series AND kept.minute = lost.minute'
        ' AND kept.day_id = lost.day_id', target);
    FOR affected IN
        SELECT day_id, project_id, array_agg(DISTINCT series) AS keys FROM minutes_lost GROUP BY 1, 2
    LOOP
        EXECUTE format(
            'INSERT INTO %I (day_id, project_id, series, minute, count, total, least, most, sketch)'
            ' SELECT day_id, project_id, series, minute, count, total, least, most, sketch'
            ' FROM (%s) AS gained JOIN minutes_lost USING (day_id, project_id, series, minute)',
            target,
            minutes_of(format(
                '(SELECT * FROM %I WHERE project_id = %s AND id >= %L AND id < %L'
                ' AND series && %L::bigint[])',
                rows_of, affected.project_id, affected.day_id,
                day_of_id(affected.day_id, 1), affected.keys)));
    END LOOP;
    EXECUTE format(
        'DELETE FROM series USING (SELECT DISTINCT project_id, series FROM minutes_lost) AS lost'
        ' WHERE series.project_id = lost.project_id AND series.type = %L AND key = lost.series'
        ' AND NOT EXISTS (SELECT FROM %I AS kept WHERE kept.project_id = lost.project_id'
        '     AND kept.series = lost.series)',
        TG_ARGV[1], target);
    RETURN NULL;
END
$shrink$;

-- Fill a day of a table of minutes from a partition of rows; what it had is gone already.
CREATE PROCEDURE derive_minutes(target text, rows_of regclass) LANGUAGE plpgsql AS $derive$
BEGIN
    EXECUTE format(
        'INSERT INTO %I (day_id, project_id, series, minute, count, total, least, most, sketch)'
        ' SELECT day_id, project_id, series, minute, count, total, least, most, sketch'
        ' FROM (%s) AS gained', target, minutes_of(rows_of::text));
END
$derive$;
