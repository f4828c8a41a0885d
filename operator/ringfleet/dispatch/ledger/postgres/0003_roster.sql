-- The members of a set, from now on; `members` is a list of plan.roster.Member with the numbers' digits. A number that
-- leaves keeps its row, and with it its counts: it may come back on the same day.
--
-- Members are locked one after the other here, so no pick may be under way in the set: see 0002_pick.sql.
CREATE FUNCTION enlist(in_set text, on_day integer, members jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_set(in_set, true);
  INSERT INTO roster AS r (set_, day, digest) VALUES (in_set, on_day, md5(members::text))
  ON CONFLICT (set_) DO UPDATE SET day = excluded.day, digest = excluded.digest
  WHERE r.day < excluded.day OR r.day = excluded.day AND r.digest <> excluded.digest;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO member AS m (
    set_, number, listed, account, tiers, home, daily, hourly, daily_tomorrow, concurrent, state
  )
  SELECT
    in_set, n.number, true, n.account, n.tiers, hashtext(n.tiers::text), n.daily, n.hourly, n.daily_tomorrow,
    n.concurrent, n.state
  FROM jsonb_to_recordset(members) AS n (
    number bigint, account text, tiers text[], daily integer, hourly integer, daily_tomorrow integer,
    concurrent integer, state text
  )
  ORDER BY n.number
  ON CONFLICT (set_, number) DO UPDATE SET
    listed = true, account = excluded.account, tiers = excluded.tiers, home = excluded.home, daily = excluded.daily,
    hourly = excluded.hourly, daily_tomorrow = excluded.daily_tomorrow, concurrent = excluded.concurrent,
    state = excluded.state
  WHERE
    (m.listed, m.account, m.tiers, m.daily, m.hourly, m.daily_tomorrow, m.concurrent, m.state)
    IS DISTINCT FROM (
      true, excluded.account, excluded.tiers, excluded.daily, excluded.hourly, excluded.daily_tomorrow,
      excluded.concurrent, excluded.state
    );
  UPDATE member SET listed = false
  WHERE set_ = in_set AND listed
    AND number NOT IN (SELECT (one ->> 'number')::bigint FROM jsonb_array_elements(members) AS one);
  DELETE FROM tier WHERE set_ = in_set;
  INSERT INTO tier (set_, tier, homes)
  SELECT in_set, near_to, array_agg(DISTINCT home ORDER BY home)
  FROM member, unnest(tiers) AS near_to
  WHERE set_ = in_set AND listed
  GROUP BY near_to;
END $$;
