-- What was submitted to a fleet, in components; who works; what is needed of an ended run again and again.

CREATE TABLE submission (
    id text PRIMARY KEY, plan text NOT NULL, plan_file text NOT NULL, plan_text text NOT NULL, author text NOT NULL,
    host text NOT NULL, note text NOT NULL, at double precision NOT NULL);
CREATE INDEX submission_by_plan ON submission (plan, id);

-- `keys`: the leases of instances and slots that are held while it is conducted
-- `state`: waiting for a worker (not before `not_before`, epoch seconds), parked until a person acts, or done
-- `code`, `why`: how it ended last; `tries`: starts since then, so that what kills its worker again and again is parked
CREATE TABLE component (
    id text PRIMARY KEY, submission text NOT NULL REFERENCES submission ON DELETE CASCADE, plan text NOT NULL,
    migrations text[] NOT NULL, grp text NOT NULL, keys text[] NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked', 'done')),
    code integer, why text NOT NULL DEFAULT '', not_before double precision NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0);
CREATE INDEX component_by_submission ON component (submission, id);
CREATE INDEX component_open ON component (plan) WHERE state <> 'done';

-- null: a run of the whole plan, by one process
ALTER TABLE run ADD component text REFERENCES component ON DELETE CASCADE;
CREATE INDEX run_by_component ON run (component) WHERE component IS NOT NULL;

CREATE TABLE worker (
    id text PRIMARY KEY, host text NOT NULL, pid integer NOT NULL, grp text NOT NULL, version text NOT NULL,
    started timestamptz NOT NULL, seen timestamptz NOT NULL, draining boolean NOT NULL DEFAULT false);

-- `seq`, `chain`: the head of the journal that it was made from; with another one it counts for nothing
-- `line`: what a list of runs tells of this one
CREATE TABLE brief (
    run text PRIMARY KEY REFERENCES run ON DELETE CASCADE, seq bigint NOT NULL, chain text NOT NULL,
    line bytea NOT NULL, body bytea NOT NULL);
