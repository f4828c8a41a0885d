-- Events and opt-outs come in batches. Each batch takes its rows in order, table by table, so that two batches wait for
-- each other at most in a line; what it deletes are the rows that it took, and none that has come since.

-- One by word gives way to a younger one by word, and to any that is not; also among those that come together.
CREATE FUNCTION suppress(
  scopes text[], recipients bytea[], sinces double precision[], reasons text[], by_words boolean[]
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  added bigint;
BEGIN
  WITH written AS (
    INSERT INTO suppression AS s (scope, recipient, since, reason, by_word)
    SELECT DISTINCT ON (scope, recipient) scope, recipient, since, reason, by_word
    FROM unnest(scopes, recipients, sinces, reasons, by_words)
      WITH ORDINALITY AS one (scope, recipient, since, reason, by_word, place)
    ORDER BY scope, recipient, by_word, CASE WHEN by_word THEN -since END, place
    ON CONFLICT (recipient, scope) DO UPDATE SET since = excluded.since, reason = excluded.reason, by_word = excluded.by_word
    WHERE s.by_word AND (excluded.since > s.since OR NOT excluded.by_word)
    RETURNING xmax = 0 AS is_new  -- xmax is that of the row which an UPDATE has replaced
  )
  SELECT count(*) FILTER (WHERE is_new) INTO added FROM written;
  RETURN added;
END $$;

CREATE FUNCTION allow(of_scope text, recipients bytea[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  gone bigint;
BEGIN
  WITH theirs AS MATERIALIZED (
    SELECT recipient FROM suppression WHERE scope = of_scope AND recipient = ANY (recipients)
    ORDER BY recipient FOR UPDATE
  )
  DELETE FROM suppression AS s USING theirs WHERE s.scope = of_scope AND s.recipient = theirs.recipient;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;

-- Count the events that are new, and say how many there were. `heard`: a list of events in the order in which they came,
-- each with its opt-outs and opt-ins; ids of picks and numbers as integers.
CREATE FUNCTION ingest(heard jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  fresh jsonb;  -- those of `heard` that are new
  wish record;
BEGIN
  WITH one AS (
    SELECT DISTINCT ON (item ->> 'account', item ->> 'id') item
    FROM jsonb_array_elements(heard) WITH ORDINALITY AS all_ (item, place)
    ORDER BY item ->> 'account', item ->> 'id', place
  ), added AS (
    INSERT INTO event (account, id, at)
    SELECT item ->> 'account', item ->> 'id', (item ->> 'at')::double precision FROM one
    ORDER BY item ->> 'account', item ->> 'id'
    ON CONFLICT DO NOTHING
    RETURNING account, id
  )
  SELECT jsonb_agg(one.item) INTO fresh
  FROM added JOIN one ON one.item ->> 'account' = added.account AND one.item ->> 'id' = added.id;
  IF fresh IS NULL THEN
    RETURN 0;
  END IF;

  FOR wish IN
    SELECT o.scope, decode(o.recipient, 'hex') AS recipient, o.since AS at, o.reason, o.by_word, false AS is_opt_in
    FROM jsonb_array_elements(fresh) AS item,
      jsonb_to_recordset(item -> 'opt_outs') AS o (
        scope text, recipient text, since double precision, reason text, by_word boolean
      )
    UNION ALL
    SELECT i.scope, decode(i.recipient, 'hex'), i.at, NULL, NULL, true
    FROM jsonb_array_elements(fresh) AS item,
      jsonb_to_recordset(item -> 'opt_ins') AS i (scope text, recipient text, at double precision)
    ORDER BY scope, recipient, is_opt_in
  LOOP
    IF wish.is_opt_in THEN
      DELETE FROM suppression AS s
      WHERE s.scope = wish.scope AND s.recipient = wish.recipient AND s.by_word AND s.since <= wish.at;
    ELSE
      PERFORM suppress(
        ARRAY[wish.scope], ARRAY[wish.recipient], ARRAY[wish.at], ARRAY[wish.reason], ARRAY[wish.by_word]
      );
    END IF;
  END LOOP;

  PERFORM FROM pick
  WHERE id IN (SELECT (item ->> 'pick')::bigint FROM jsonb_array_elements(fresh) AS item) ORDER BY id FOR UPDATE;
  UPDATE pick AS p SET state = 2
  FROM jsonb_array_elements(fresh) AS item
  WHERE p.id = (item ->> 'pick')::bigint AND p.number = (item ->> 'number')::bigint AND p.state = 0;

  INSERT INTO call AS c (account, subject, number, outbound, started, answered, ended)
  SELECT
    e.account, e.subject, min(e.number), bool_and(e.outbound),
    min(e.at) FILTER (WHERE e.what = 'call.started'),
    min(e.at) FILTER (WHERE e.what = 'call.answered'),
    min(e.at) FILTER (WHERE e.what = 'call.ended')
  FROM jsonb_to_recordset(fresh) AS e (
    account text, subject text, number bigint, outbound boolean, at double precision, what text
  )
  WHERE e.what LIKE 'call.%'
  GROUP BY e.account, e.subject
  ORDER BY e.account, e.subject
  ON CONFLICT (account, subject) DO UPDATE SET
    started = coalesce(c.started, excluded.started),
    answered = coalesce(c.answered, excluded.answered),
    ended = coalesce(c.ended, excluded.ended);

  -- The length of a call is counted once both its ends are known; it is ours since we have just written to it.
  WITH timed AS (
    UPDATE call AS c SET timed = true
    FROM (
      SELECT DISTINCT item ->> 'account' AS account, item ->> 'subject' AS subject
      FROM jsonb_array_elements(fresh) AS item WHERE item ->> 'what' LIKE 'call.%'
    ) AS e
    WHERE c.account = e.account AND c.subject = e.subject
      AND NOT c.timed AND c.outbound AND c.answered IS NOT NULL AND c.ended IS NOT NULL
    RETURNING c.number, c.ended AS at, greatest(0, trunc(c.ended - c.answered))::integer AS seconds
  ), counted AS (
    SELECT
      e.number, floor(e.at / 3600)::bigint AS hour,
      (e.what = 'call.started' AND e.outbound)::integer AS calls,
      (e.what = 'call.answered' AND e.outbound)::integer AS answered,
      0 AS seconds,
      (e.what = 'message.sent')::integer AS messages,
      (e.what = 'message.delivered')::integer AS delivered,
      (e.what = 'message.failed')::integer AS failed,
      (e.what = 'message.received' OR e.what = 'call.started' AND NOT e.outbound)::integer AS received
    FROM jsonb_to_recordset(fresh) AS e (number bigint, outbound boolean, at double precision, what text)
    WHERE e.what NOT IN ('call.ended', 'number.labelled', 'number.cleared')
    UNION ALL
    SELECT number, floor(at / 3600)::bigint, 0, 0, seconds, 0, 0, 0, 0 FROM timed
  )
  INSERT INTO traffic AS t (number, hour, calls, answered, seconds, messages, delivered, failed, received)
  SELECT
    number, hour, sum(calls), sum(answered), sum(seconds), sum(messages), sum(delivered), sum(failed), sum(received)
  FROM counted
  GROUP BY number, hour
  HAVING sum(calls + answered + seconds + messages + delivered + failed + received) > 0
  ORDER BY number, hour
  ON CONFLICT (number, hour) DO UPDATE SET
    calls = t.calls + excluded.calls, answered = t.answered + excluded.answered,
    seconds = t.seconds + excluded.seconds, messages = t.messages + excluded.messages,
    delivered = t.delivered + excluded.delivered, failed = t.failed + excluded.failed,
    received = t.received + excluded.received;

  INSERT INTO label AS l (number, label, labelled, cleared)
  SELECT
    e.number,
    coalesce((array_agg(e.label ORDER BY e.at DESC) FILTER (WHERE e.label <> ''))[1], ''),
    max(e.at) FILTER (WHERE e.what = 'number.labelled'),
    max(e.at) FILTER (WHERE e.what = 'number.cleared')
  FROM jsonb_to_recordset(fresh) AS e (number bigint, label text, at double precision, what text)
  WHERE e.what IN ('number.labelled', 'number.cleared')
  GROUP BY e.number
  ORDER BY e.number
  ON CONFLICT (number) DO UPDATE SET
    labelled = greatest(l.labelled, excluded.labelled),
    cleared = greatest(l.cleared, excluded.cleared),
    label = CASE WHEN excluded.label <> '' THEN excluded.label ELSE l.label END;

  RETURN jsonb_array_length(fresh);
END $$;
