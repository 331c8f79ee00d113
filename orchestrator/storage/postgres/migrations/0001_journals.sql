-- Runs, their entries, what operators ask of them, and who holds what.

-- `id`: names this journal, whatever its address
-- `ttl`: seconds that a lease lives without being renewed, the same for all processes
-- `system`, `timeline`: the database that wrote this, so that one that was restored or failed over is noticed
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
INSERT INTO meta VALUES ('ttl', '20'), ('id', gen_random_uuid()::text);

-- `seq` and `chain` are the head: how far the journal had come; `epoch` grows with each process that may write
CREATE TABLE run (
    id text PRIMARY KEY, plan text NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL, chain text NOT NULL);
CREATE INDEX run_by_plan ON run (plan, id);

-- `body` is text: jsonb would put its keys in another order, and break the chain
CREATE TABLE event (
    run text NOT NULL REFERENCES run ON DELETE CASCADE, seq bigint NOT NULL, epoch bigint NOT NULL,
    at double precision NOT NULL, kind text NOT NULL, body text NOT NULL, chain text NOT NULL,
    PRIMARY KEY (run, seq));

CREATE TABLE lease (
    key text PRIMARY KEY, holder text NOT NULL, epoch bigint NOT NULL, since timestamptz NOT NULL,
    expires timestamptz NOT NULL);

-- who asks for a lease that cannot be had, so that it goes to the one who has waited longest
CREATE TABLE waiter (
    key text NOT NULL, holder text NOT NULL, since timestamptz NOT NULL, expires timestamptz NOT NULL,
    PRIMARY KEY (key, holder));

CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL REFERENCES run ON DELETE CASCADE,
    at double precision NOT NULL, kind text NOT NULL, body text NOT NULL, answer text);
CREATE INDEX inbox_open ON inbox (run, id) WHERE answer IS NULL;
