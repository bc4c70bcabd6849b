-- Events that clients say they could not send: told, never accepted, so no side of the ledger.
ALTER TABLE ledger ADD COLUMN client_lost bigint NOT NULL DEFAULT 0;
ALTER TABLE ledger_totals ADD COLUMN client_lost bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION sum_ledger() RETURNS trigger LANGUAGE plpgsql AS $sum$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM ledger_totals;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
            sum(discarded), sum(letters), sum(client_lost)
        FROM added GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters,
            client_lost = kept.client_lost + excluded.client_lost;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
            sum(discarded), sum(letters), sum(client_lost)
        FROM (
            SELECT project_id, type, accepted, stored, filtered, over_quota, discarded, letters,
                client_lost
            FROM added
            UNION ALL
            SELECT project_id, type, -accepted, -stored, -filtered, -over_quota, -discarded,
                -letters, -client_lost
            FROM removed
        ) AS changed
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters,
            client_lost = kept.client_lost + excluded.client_lost;
    ELSE
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, -sum(accepted), -sum(stored), -sum(filtered), -sum(over_quota),
            -sum(discarded), -sum(letters), -sum(client_lost)
        FROM removed GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters,
            client_lost = kept.client_lost + excluded.client_lost;
    END IF;
    RETURN NULL;
END
$sum$;
