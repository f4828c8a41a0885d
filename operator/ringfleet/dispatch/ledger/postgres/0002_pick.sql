-- The decision of a pick, in one call of `pick`: the law is in ../pick.py, and this is what it is for several writers.
--
-- READ COMMITTED is enough. Each statement of a function sees what was committed before that statement began, so an
-- opt-out that was acknowledged before a pick was asked is seen by the pick. What a pick depends on and others may change
-- meanwhile is locked before it is looked at:
--
--   the key                an advisory lock: the same request at the same time waits for the first, and is its replay
--   the recipient          an advisory lock on each of its hashes, in order: one contact after the other
--   the member             its row, which has all counts: a cap is compared again once the row is ours
--
-- Nobody waits in a circle. Locks are taken in this order: the set, the key, the recipient, members, all else. A pick waits
-- for a member only while it holds none; further ones it takes as they are free (SKIP LOCKED). When that finds none
-- although, by what is committed, there are some, nothing is written and the answer is `Contended`; the engine then asks
-- once more with `patient`. A patient pick, as a new roster, has the set for itself: others share it.

CREATE FUNCTION lock_set(in_set text, alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF alone THEN
    PERFORM pg_advisory_xact_lock(1382311501, hashtext(in_set));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(1382311501, hashtext(in_set));
  END IF;
END $$;

CREATE FUNCTION lock_key(in_set text, of_key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1382311502, hashtext(in_set || ' ' || of_key));
END $$;

CREATE FUNCTION lock_recipient(in_set text, hashes bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  turn integer;
BEGIN
  IF cardinality(hashes) = 1 THEN
    PERFORM pg_advisory_xact_lock(1382311503, hashtext(in_set || encode(hashes[1], 'hex')));
    RETURN;
  END IF;
  FOR turn IN SELECT DISTINCT hashtext(in_set || encode(hash, 'hex')) FROM unnest(hashes) AS hash ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(1382311503, turn);
  END LOOP;
END $$;

-- Room of a day that is put aside on a member.
CREATE FUNCTION booked_on(booked jsonb, on_day integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((booked ->> on_day::text)::integer, 0)
$$;

CREATE FUNCTION with_booked(booked jsonb, on_day integer, by integer) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  rest integer := booked_on(booked, on_day) + by;
BEGIN
  RETURN CASE WHEN rest > 0 THEN booked || jsonb_build_object(on_day::text, rest) ELSE booked - on_day::text END;
END $$;

-- The caps of the day and of the hour: all that only the member's own row says. `own` room does not stand against it.
CREATE FUNCTION within_caps(m member, on_day integer, this_hour bigint, own integer) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN m.day >= on_day THEN m.used ELSE 0 END + booked_on(m.booked, on_day) - own < m.daily
    AND CASE WHEN m.hour >= this_hour THEN m.in_hour ELSE 0 END < m.hourly
$$;

-- seat.place(): the day of the last use, then the share of the cap that was used then, in 2^-20. The least is picked.
CREATE FUNCTION place_of(day integer, used integer, daily integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (day::bigint << 21) + CASE WHEN daily > 0 THEN least((used::bigint << 20) / daily, 1 << 20) ELSE 1 << 20 END
$$;

-- Calls whose end was not told within four hours have ended.
CREATE FUNCTION open_calls(of_number bigint, at_time double precision) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT count(*) FROM call
    WHERE number = of_number AND ended IS NULL AND coalesce(answered, started) >= at_time - 14400
  );
END $$;

-- Each member from `lowest` to `highest`; why it may not be used now (NULL: it may), and what is `said` of it: to others
-- the room of `own_number` is taken; and when it has room: on `free_day`,
-- from `free_from` on, of which `taken` is the share that is taken. `near`: the rank of the nearest of the asked places;
-- no places ask for anywhere.
CREATE FUNCTION standings(
  in_set text, lowest bigint, highest bigint, places text[], of_account text, may_drain boolean, own_number bigint,
  on_day integer, at_time double precision, tomorrow double precision, hour_ends double precision, horizon integer
) RETURNS TABLE (
  number bigint, why text, said text, near integer, free_day integer, free_from double precision, taken double precision
) LANGUAGE sql STABLE AS $$
  SELECT n.number, w.why,
    CASE
      WHEN n.number = own_number AND w.why IN ('hourly-cap', 'concurrent') AND n.used_today + n.booked_today + 1 >= n.daily
        THEN 'reserved'
      ELSE w.why
    END,
    n.near, f.free_day,
    CASE WHEN f.free_day = on_day THEN hour_ends ELSE tomorrow + (f.free_day - on_day - 1) * 86400.0 END,
    CASE
      WHEN f.free_day = on_day THEN (n.used_today + n.booked_today)::double precision / greatest(1, n.daily)
      ELSE booked_on(n.booked, f.free_day)::double precision / greatest(1, n.daily_tomorrow)
    END
  FROM (
    SELECT m.number, m.account, m.state, m.daily, m.hourly, m.daily_tomorrow, m.concurrent, m.booked,
      CASE WHEN m.day >= on_day THEN m.used ELSE 0 END AS used_today,
      booked_on(m.booked, on_day) - CASE WHEN m.number = own_number THEN 1 ELSE 0 END AS booked_today,
      CASE WHEN m.hour >= floor(at_time / 3600) THEN m.in_hour ELSE 0 END AS used_in_hour,
      (SELECT min(rank)::integer FROM unnest(places) WITH ORDINALITY AS asked (tier, rank)
        WHERE asked.tier = ANY (m.tiers)) AS near
    FROM member AS m
    WHERE m.set_ = in_set AND m.listed AND m.number BETWEEN lowest AND highest
    OFFSET 0
  ) AS n
  LEFT JOIN label AS l ON l.number = n.number AND l.shown
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN n.account <> of_account THEN 'other-account'
      WHEN n.near IS NULL AND places IS NOT NULL THEN 'elsewhere'
      WHEN n.state = 'quarantined' OR l.number IS NOT NULL THEN 'quarantined'
      WHEN n.state = 'draining' AND NOT may_drain THEN 'draining'
      WHEN n.state = 'resting' THEN 'resting'
      WHEN n.used_today >= n.daily THEN 'daily-cap'
      WHEN n.used_today + n.booked_today >= n.daily THEN 'reserved'
      WHEN n.used_in_hour >= n.hourly THEN 'hourly-cap'
      WHEN n.concurrent IS NOT NULL AND open_calls(n.number, at_time) >= n.concurrent THEN 'concurrent'
    END AS why
    OFFSET 0
  ) AS w
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN w.why IN ('hourly-cap', 'concurrent') AND hour_ends < tomorrow THEN on_day
      WHEN w.why IN ('hourly-cap', 'concurrent', 'daily-cap', 'reserved', 'resting') THEN
        (SELECT min(day) FROM generate_series(on_day + 1, on_day + horizon) AS day
          WHERE booked_on(n.booked, day) < n.daily_tomorrow)
    END AS free_day
    OFFSET 0
  ) AS f
$$;

-- Use a member that may be used, once, and say whose it is; NULL: it may not be used, or it is locked and we don't wait.
-- `own`: room of this day that does not stand against it. `seen_used`, `seen_day`: what was seen of it when it was
-- chosen; if that is no longer so, it is not used.
CREATE FUNCTION use_member(
  in_set text, of_number bigint, of_account text, may_drain boolean, waits boolean, own integer,
  on_day integer, at_time double precision, seen_day integer DEFAULT NULL, seen_used integer DEFAULT NULL
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  this_hour bigint := floor(at_time / 3600);
  used_account text;
BEGIN
  IF NOT waits THEN
    -- What has changed is not locked either: to others it would look as if it were used.
    PERFORM FROM member
    WHERE set_ = in_set AND number = of_number AND (seen_day IS NULL OR day = seen_day AND used = seen_used)
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  END IF;
  UPDATE member AS m SET
    used = CASE WHEN m.day >= on_day THEN m.used ELSE 0 END + 1,
    day = greatest(m.day, on_day),
    in_hour = CASE WHEN m.hour >= this_hour THEN m.in_hour ELSE 0 END + 1,
    hour = greatest(m.hour, this_hour),
    last = greatest(m.last, at_time)
  WHERE m.set_ = in_set AND m.number = of_number AND m.listed
    AND (seen_day IS NULL OR m.day = seen_day AND m.used = seen_used)
    AND (m.state = 'active' OR m.state = 'draining' AND may_drain)
    AND (of_account IS NULL OR m.account = of_account)
    AND within_caps(m, on_day, this_hour, own)
    AND (m.concurrent IS NULL OR open_calls(m.number, at_time) < m.concurrent)
    AND NOT EXISTS (SELECT FROM label AS l WHERE l.number = m.number AND l.shown)
  RETURNING m.account INTO used_account;
  RETURN used_account;
END $$;

-- Use the least used of the members that are near to a place and may be used, once; NULL: there is none. `contended`: there
-- are some, but which is the least used is not known before others have finished.
--
-- A member that others are using, or have used since we looked, is passed over as one that is used once more, and none
-- is taken that would then be ahead of it: so the load is as even as if all had asked one after the other.
CREATE FUNCTION use_least(
  in_set text, near_to text, of_account text, waits boolean, on_day integer, at_time double precision,
  OUT used_number bigint, OUT used_account text, OUT contended boolean
) LANGUAGE plpgsql AS $$
DECLARE
  this_hour bigint := floor(at_time / 3600);
  first_home integer;
  last_home integer;
  seen record;
  ahead bigint;
BEGIN
  contended := false;
  SELECT homes[1], homes[cardinality(homes)] INTO first_home, last_home FROM tier WHERE set_ = in_set AND tier = near_to;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  FOR seen IN
    SELECT m.number, m.day, m.used, place_of(m.day, m.used, m.daily) AS place,
      place_of(on_day, CASE WHEN m.day >= on_day THEN m.used ELSE 0 END + 1, m.daily) AS next_place
    FROM member AS m
    WHERE m.set_ = in_set AND m.home >= first_home AND m.home <= last_home AND near_to = ANY (m.tiers)
      AND m.listed AND m.state = 'active'
      AND (of_account IS NULL OR m.account = of_account)
      AND within_caps(m, on_day, this_hour, 0)
      AND (m.concurrent IS NULL OR open_calls(m.number, at_time) < m.concurrent)
      AND NOT EXISTS (SELECT FROM label AS l WHERE l.number = m.number AND l.shown)
    ORDER BY place_of(m.day, m.used, m.daily), m.last, m.number LIMIT 64
  LOOP
    contended := true;
    EXIT WHEN seen.place > ahead;
    used_account := use_member(
      in_set, seen.number, of_account, false, waits, 0, on_day, at_time, seen.day, seen.used
    );
    IF used_account IS NOT NULL THEN
      used_number := seen.number;
      RETURN;
    END IF;
    ahead := least(ahead, seen.next_place);
  END LOOP;
END $$;

-- The first of these members that (still) has room on `free_day`, locked; NULL: there is none that is free.
CREATE FUNCTION lock_room(
  in_set text, numbers bigint[], free_day integer, on_day integer, own_number bigint, waits boolean
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  candidate bigint;
  locked bigint;
BEGIN
  FOREACH candidate IN ARRAY numbers LOOP
    IF waits THEN
      PERFORM FROM member WHERE set_ = in_set AND number = candidate FOR UPDATE;
    ELSE
      PERFORM FROM member WHERE set_ = in_set AND number = candidate FOR UPDATE SKIP LOCKED;
      CONTINUE WHEN NOT FOUND;
    END IF;
    SELECT m.number INTO locked FROM member AS m
    WHERE m.set_ = in_set AND m.number = candidate AND m.listed AND CASE
      WHEN free_day > on_day THEN booked_on(m.booked, free_day) < m.daily_tomorrow
      ELSE CASE WHEN m.day >= on_day THEN m.used ELSE 0 END + booked_on(m.booked, on_day)
        - CASE WHEN m.number = own_number THEN 1 ELSE 0 END < m.daily
    END;
    IF FOUND THEN
      RETURN locked;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- What the members that are picked may still do on a day, all together.
CREATE FUNCTION remaining(in_set text, on_day integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT coalesce(sum(greatest(
      0, m.daily - CASE WHEN m.day >= on_day THEN m.used ELSE 0 END - booked_on(m.booked, on_day)
    )), 0)
    FROM member AS m
    WHERE m.set_ = in_set AND m.listed AND m.state = 'active'
      AND m.number NOT IN (SELECT l.number FROM label AS l WHERE l.shown)
  );
END $$;

-- See the top, and values.Ask. `names_deferral`: the ask names one, whose id may be none of ours. `then_left`: what the
-- caller takes to remain in the set when this has counted; NULL: count it, which looks at every member.
--
-- `kind` is the name of the verdict's class and `answer` its fields; `counted`: a unit was used by this very call.
-- `Contended`: nothing was done, ask again with `patient`.
CREATE FUNCTION pick(
  in_set text, of_recipient bytea, known_as bytea[], at_time double precision, on_day integer,
  tomorrow double precision, hour_ends double precision, places text[], scopes text[], of_account text,
  of_key text, of_fingerprint bytea, is_reply boolean, sticky_mode text, sticky_ttl double precision,
  max_wait double precision, most_contacts integer, contacts_window double precision, defers boolean,
  names_deferral boolean, of_deferral bigint, horizon integer,
  quiet_until double precision, then_left bigint, patient boolean,
  OUT kind text, OUT answer jsonb, OUT counted boolean
) LANGUAGE plpgsql AS $$
DECLARE
  hashes bytea[] := of_recipient || known_as;
  hash bytea;
  is_strict boolean := sticky_mode = 'strict';
  said text[] := '{}';
  reasons text[];
  seen replay%ROWTYPE;
  known contact%ROWTYPE;
  room deferral%ROWTYPE;
  own_room bigint;  -- the member whose room of today is this ask's own
  remembered boolean;
  own_account text;  -- of the recipient's member, and its state; and whether it is of the asked account
  own_state text;
  fits boolean;
  standing record;
  chosen bigint;
  its_account text;
  place text;
  found_scope text;
  again double precision;
  free_day integer;  -- set: it is put off
  free_from double precision;
  is_contended boolean;
  is_sticky boolean := false;
  is_reassigned boolean := false;
  counts boolean := true;
  writes boolean := true;
  id bigint;
BEGIN
  counted := false;
  PERFORM lock_set(in_set, patient);

  -- 0. The key.
  IF of_key IS NOT NULL THEN
    PERFORM lock_key(in_set, of_key);
    SELECT * INTO seen FROM replay WHERE set_ = in_set AND key = of_key AND at > at_time - 86400;
    IF FOUND AND NOT (
      seen.fingerprint = of_fingerprint AND seen.kind = 'Picked'
      AND EXISTS (SELECT FROM pick AS p WHERE p.id = substr(seen.answer ->> 'id', 2)::bigint AND p.state = 1)
    ) THEN
      kind := CASE WHEN seen.fingerprint = of_fingerprint THEN seen.kind ELSE 'KeyReused' END;
      answer := CASE WHEN seen.fingerprint = of_fingerprint THEN seen.answer ELSE '{}' END;
      RETURN;
    END IF;
  END IF;
  PERFORM lock_recipient(in_set, hashes);

  -- 1. Opt-outs. One hash at a time, so that both columns of the index are used whatever the planner thinks.
  FOREACH hash IN ARRAY hashes LOOP
    SELECT min(s.scope COLLATE "C") INTO found_scope FROM suppression AS s
    WHERE s.recipient = hash AND s.scope = ANY (scopes);
    IF found_scope IS NOT NULL THEN
      kind := 'Suppressed';
      answer := jsonb_build_object('scope', found_scope);
      RETURN;
    END IF;
  END LOOP;

  FOREACH hash IN ARRAY hashes LOOP
    SELECT * INTO known FROM contact AS c WHERE c.set_ = in_set AND c.recipient = hash;
    EXIT WHEN FOUND;
  END LOOP;
  remembered := known.number IS NOT NULL AND at_time - known.last < sticky_ttl;

  <<decided>>
  LOOP
    said := '{}';
    is_reassigned := false;
    writes := true;
    own_account := NULL;
    own_state := NULL;
    IF remembered THEN
      SELECT m.account, CASE
        WHEN EXISTS (SELECT FROM label AS l WHERE l.number = m.number AND l.shown) THEN 'quarantined'
        ELSE m.state
      END
      INTO own_account, own_state FROM member AS m WHERE m.set_ = in_set AND m.number = known.number AND m.listed;
    END IF;
    fits := of_account IS NULL OR own_account = of_account;
    IF is_reply AND own_state <> 'quarantined' AND fits THEN
      chosen := known.number;
      its_account := own_account;
      is_sticky := true;
      counts := false;
      reasons := ARRAY['reply'];
      EXIT decided;
    END IF;

    -- 2. Not now.
    IF quiet_until IS NOT NULL THEN
      kind := 'Quiet';
      answer := jsonb_build_object('not_before', quiet_until);
      RETURN;
    END IF;
    IF most_contacts > 0 AND cardinality(known.recent) >= most_contacts THEN
      again := known.recent[cardinality(known.recent) - most_contacts + 1] + contacts_window;
      IF again > at_time THEN
        kind := 'TooOften';
        answer := jsonb_build_object('not_before', again);
        RETURN;
      END IF;
    END IF;

    IF sticky_mode = 'off' THEN
      remembered := false;
      own_state := NULL;
    END IF;

    -- 3. The deferral.
    IF names_deferral THEN
      SELECT * INTO room FROM deferral AS d WHERE d.id = of_deferral AND d.set_ = in_set;
      IF NOT FOUND OR room.used OR room.recipient <> ALL (hashes) THEN
        kind := 'UnknownDeferral';
        answer := '{}';
        RETURN;
      END IF;
      IF at_time < room.not_before OR on_day < room.day THEN
        id := room.id;
        chosen := room.number;
        free_from := CASE WHEN on_day < room.day THEN greatest(room.not_before, tomorrow) ELSE room.not_before END;
        reasons := ARRAY['not-due'];
        EXIT decided;
      END IF;
      own_room := CASE WHEN room.day = on_day THEN room.number END;
      its_account := use_member(
        in_set, room.number, of_account, false, patient, (own_room IS NOT NULL)::integer, on_day, at_time
      );
      IF its_account IS NOT NULL THEN
        chosen := room.number;
        is_sticky := own_state IS NOT NULL AND known.number = room.number;
        writes := own_state IS NULL;
        IF NOT is_sticky THEN
          SELECT tier INTO place FROM member AS m, unnest(places) WITH ORDINALITY AS asked (tier, rank)
          WHERE m.set_ = in_set AND m.number = chosen AND tier = ANY (m.tiers) ORDER BY rank LIMIT 1;
        END IF;
        reasons := ARRAY['deferred-earlier'];
        EXIT decided;
      END IF;
      IF NOT patient THEN
        -- Its room will be given up, so it must be ours.
        PERFORM FROM member WHERE set_ = in_set AND number = room.number;
        IF FOUND THEN
          PERFORM FROM member WHERE set_ = in_set AND number = room.number FOR UPDATE SKIP LOCKED;
          IF NOT FOUND THEN
            kind := 'Contended';
            RETURN;
          END IF;
        END IF;
      END IF;
    END IF;

    -- 4. The recipient's number.
    IF remembered AND own_state IS NULL THEN
      is_reassigned := true;
      said := ARRAY['not-the-same:released'];
    ELSIF remembered AND is_strict AND own_state = 'quarantined' THEN
      kind := 'NoNumber';
      answer := '{"excluded": [["quarantined", 1]]}';
      RETURN;
    ELSIF remembered AND (NOT fits OR own_state = 'quarantined' OR own_state = 'draining' AND NOT is_strict) THEN
      is_reassigned := true;
      said := ARRAY['not-the-same:' || CASE WHEN fits THEN own_state ELSE 'other-account' END];
    ELSIF remembered THEN
      its_account := use_member(
        in_set, known.number, of_account, is_strict, patient OR NOT names_deferral,
        (known.number IS NOT DISTINCT FROM own_room)::integer, on_day, at_time
      );
      IF its_account IS NOT NULL THEN
        chosen := known.number;
        is_sticky := true;
        reasons := ARRAY['same-number'];
        EXIT decided;
      END IF;
      SELECT * INTO standing FROM standings(
        in_set, known.number, known.number, NULL, NULL, is_strict, own_room, on_day, at_time, tomorrow, hour_ends, horizon
      );
      IF standing.why IS NULL OR standing.why IN ('quarantined', 'draining') THEN
        -- It has changed since we looked.
        CONTINUE decided WHEN patient;
        kind := 'Contended';
        RETURN;
      END IF;
      IF NOT is_strict AND (NOT defers OR standing.free_from IS NULL OR standing.free_from - at_time > max_wait) THEN
        writes := false;
        said := ARRAY['not-the-same:' || standing.why];
      ELSIF standing.free_from IS NULL OR NOT defers THEN
        kind := 'Exhausted';
        answer := jsonb_build_object(
          'not_before', coalesce(standing.free_from, tomorrow),
          'excluded', jsonb_build_array(jsonb_build_array(standing.why, 1))
        );
        RETURN;
      ELSE
        chosen := lock_room(in_set, ARRAY[known.number], standing.free_day, on_day, own_room, patient);
        IF chosen IS NULL THEN
          CONTINUE decided WHEN patient;
          kind := 'Contended';
          RETURN;
        END IF;
        free_day := standing.free_day;
        free_from := standing.free_from;
        writes := false;
        reasons := ARRAY['same-number', standing.why];
        EXIT decided;
      END IF;
    END IF;

    -- 5. A new number.
    FOREACH place IN ARRAY places LOOP
      SELECT used_number, used_account, contended INTO chosen, its_account, is_contended
      FROM use_least(in_set, place, of_account, patient, on_day, at_time);
      IF chosen IS NULL AND is_contended THEN
        CONTINUE decided WHEN patient;
        kind := 'Contended';
        RETURN;
      END IF;
      CONTINUE WHEN chosen IS NULL;
      reasons := said || ARRAY['near:' || coalesce(nullif(place, ''), 'any'), 'least-used'];
      EXIT decided;
    END LOOP;
    place := NULL;

    -- 6. None may be used. `first`: those with room at the first time and the nearest place that have any.
    WITH all_ AS MATERIALIZED (
      SELECT * FROM standings(
        in_set, 0, 9223372036854775807, places, of_account, false, own_room, on_day, at_time, tomorrow, hour_ends,
        horizon
      )
    ), best AS (
      SELECT s.free_day, s.free_from, s.near FROM all_ AS s
      WHERE s.free_day IS NOT NULL ORDER BY s.free_from, s.near LIMIT 1
    )
    SELECT
      (SELECT bool_or(s.why IS NULL) FROM all_ AS s) AS usable,
      (SELECT bool_or(s.why IN ('daily-cap', 'hourly-cap', 'concurrent', 'reserved', 'resting')) FROM all_ AS s) AS waiting,
      (SELECT array_agg(c.said ORDER BY c.said COLLATE "C") FROM (SELECT DISTINCT s.said FROM all_ AS s) AS c) AS whys,
      (SELECT jsonb_agg(jsonb_build_array(c.said, c.members) ORDER BY c.said COLLATE "C")
        FROM (SELECT s.said, count(*) AS members FROM all_ AS s GROUP BY s.said) AS c) AS excluded,
      (SELECT best.free_day FROM best) AS free_day,
      (SELECT best.free_from FROM best) AS free_from,
      ARRAY(
        SELECT s.number FROM all_ AS s JOIN best ON s.free_from = best.free_from AND s.near = best.near
        ORDER BY s.taken, s.number LIMIT 16
      ) AS first
    INTO standing;
    IF standing.usable THEN
      -- Locked by others, or free again since we looked.
      CONTINUE decided WHEN patient;
      kind := 'Contended';
      RETURN;
    END IF;
    IF NOT coalesce(standing.waiting, false) THEN
      kind := 'NoNumber';
      answer := jsonb_build_object('excluded', coalesce(standing.excluded, '[]'));
      RETURN;
    END IF;
    IF NOT defers OR standing.free_day IS NULL THEN
      kind := 'Exhausted';
      answer := jsonb_build_object(
        'not_before', coalesce(standing.free_from, tomorrow), 'excluded', standing.excluded
      );
      RETURN;
    END IF;
    chosen := lock_room(in_set, standing.first, standing.free_day, on_day, own_room, patient);
    IF chosen IS NULL THEN
      CONTINUE decided WHEN patient;
      kind := 'Contended';
      RETURN;
    END IF;
    free_day := standing.free_day;
    free_from := standing.free_from;
    reasons := said || ARRAY(SELECT 'all-out:' || why FROM unnest(standing.whys) AS why);
    EXIT decided;
  END LOOP;

  -- From here on it is written down.
  IF id IS NULL AND names_deferral AND counts THEN
    UPDATE deferral SET used = true WHERE deferral.id = room.id;
    UPDATE member AS m SET booked = with_booked(m.booked, room.day, -1) WHERE m.set_ = in_set AND m.number = room.number;
  END IF;
  IF id IS NULL AND free_day IS NOT NULL THEN
    UPDATE member AS m SET booked = with_booked(m.booked, free_day, 1) WHERE m.set_ = in_set AND m.number = chosen;
    INSERT INTO deferral (set_, number, recipient, day, not_before, since)
    VALUES (in_set, chosen, of_recipient, free_day, free_from, at_time) RETURNING deferral.id INTO id;
    IF writes OR known.number IS NULL THEN
      INSERT INTO contact (set_, recipient, number, last, recent)
      VALUES (in_set, of_recipient, chosen, greatest(known.last, at_time), coalesce(known.recent, '{}'))
      ON CONFLICT (set_, recipient) DO UPDATE
      SET number = excluded.number, last = excluded.last, recent = excluded.recent;
      IF known.recipient <> of_recipient THEN
        DELETE FROM contact WHERE set_ = in_set AND recipient = known.recipient;
      END IF;
    END IF;
  ELSIF id IS NULL THEN
    writes := writes OR known.number IS NULL;
    IF counts THEN
      known.recent := with_contact(known.recent, at_time, greatest(3, most_contacts));
    END IF;
    INSERT INTO contact (set_, recipient, number, last, recent)
    VALUES (
      in_set, of_recipient, CASE WHEN writes THEN chosen ELSE known.number END, at_time, coalesce(known.recent, '{}')
    )
    ON CONFLICT (set_, recipient) DO UPDATE
    SET number = excluded.number, last = excluded.last, recent = excluded.recent;
    IF known.recipient <> of_recipient THEN
      DELETE FROM contact WHERE set_ = in_set AND recipient = known.recipient;
    END IF;
    INSERT INTO pick (set_, number, recipient, at, day, counted)
    VALUES (in_set, chosen, of_recipient, at_time, on_day, counts) RETURNING pick.id INTO id;
  END IF;

  IF free_from IS NOT NULL THEN
    kind := 'Deferred';
    answer := jsonb_build_object(
      'id', 'd' || id, 'number', '+' || chosen, 'not_before', free_from, 'reasons', to_jsonb(reasons)
    );
  ELSE
    counted := counts;
    kind := 'Picked';
    answer := jsonb_build_object(
      'id', 'p' || id, 'number', '+' || chosen, 'account', its_account, 'sticky', is_sticky,
      'reassigned', is_reassigned, 'tier', place,
      'remaining', coalesce(
        then_left + (NOT counts OR own_room IS NOT NULL)::integer, remaining(in_set, on_day)
      ),
      'reasons', to_jsonb(reasons)
    );
  END IF;
  IF of_key IS NOT NULL THEN
    INSERT INTO replay (set_, key, fingerprint, kind, answer, at)
    VALUES (in_set, of_key, of_fingerprint, pick.kind, pick.answer, at_time)
    ON CONFLICT (set_, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, kind = excluded.kind, answer = excluded.answer, at = excluded.at;
  END IF;
END $$;

-- The latest contacts, with one more; as many as are asked about.
CREATE FUNCTION with_contact(recent double precision[], at_time double precision, kept integer)
RETURNS double precision[] LANGUAGE sql IMMUTABLE AS $$
  SELECT (recent || at_time)[greatest(1, coalesce(cardinality(recent), 0) + 2 - kept):]
$$;

-- values.GivenBack.
CREATE FUNCTION give_back(in_set text, of_pick bigint, on_day integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  made pick%ROWTYPE;
BEGIN
  SELECT * INTO made FROM pick WHERE id = of_pick AND set_ = in_set;
  IF NOT FOUND THEN
    RETURN 'unknown';
  END IF;
  PERFORM lock_recipient(in_set, ARRAY[made.recipient]);
  SELECT * INTO made FROM pick WHERE id = of_pick FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF made.state = 1 THEN
    RETURN 'returned';
  ELSIF made.state = 2 THEN
    RETURN 'in-use';
  ELSIF made.day <> on_day THEN
    RETURN 'too-late';
  END IF;
  UPDATE pick SET state = 1 WHERE id = of_pick;
  IF made.counted THEN
    UPDATE member AS m SET
      used = CASE WHEN m.day = made.day THEN greatest(0, m.used - 1) ELSE m.used END,
      in_hour = CASE WHEN m.hour = floor(made.at / 3600) THEN greatest(0, m.in_hour - 1) ELSE m.in_hour END
    WHERE m.set_ = in_set AND m.number = made.number;
    UPDATE contact AS c SET
      recent = c.recent[:array_position(c.recent, made.at) - 1] || c.recent[array_position(c.recent, made.at) + 1:]
    WHERE c.set_ = in_set AND c.recipient = made.recipient AND made.at = ANY (c.recent);
  END IF;
  RETURN 'returned';
END $$;
