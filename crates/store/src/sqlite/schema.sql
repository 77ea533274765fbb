-- The ledger: entries, the tree over them, signed checkpoints, and the content that entries name.
CREATE TABLE entries (
  seq   INTEGER PRIMARY KEY,
  entry BLOB NOT NULL
) STRICT;
CREATE TABLE tiles (
  level  INTEGER NOT NULL,
  idx    INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL
) STRICT;
CREATE TABLE content (
  digest BLOB PRIMARY KEY,
  bytes  BLOB NOT NULL
) STRICT;

-- Projections: derived from the entries, and derivable again. `row` is the whole row as canonical JSON;
-- the other columns are what questions and rules ask for.
CREATE TABLE feeds (
  feed TEXT PRIMARY KEY,
  seq  INTEGER NOT NULL,
  row  TEXT NOT NULL
) STRICT;
CREATE TABLE decisions (
  decision TEXT PRIMARY KEY,
  seq      INTEGER NOT NULL,
  service  TEXT NOT NULL,
  outcome  TEXT NOT NULL,
  row      TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_service ON decisions (service, seq);
CREATE TABLE promotions (
  decision TEXT PRIMARY KEY,
  seq      INTEGER NOT NULL,
  service  TEXT NOT NULL,
  stage    TEXT NOT NULL,
  state    TEXT NOT NULL,
  row      TEXT NOT NULL
) STRICT;
CREATE INDEX promotions_by_service ON promotions (service, seq);
-- Two open promotions of one service into one stage cannot be.
CREATE UNIQUE INDEX promotions_open ON promotions (service, stage) WHERE state = 'open';
CREATE TABLE releases (
  seq      INTEGER PRIMARY KEY,
  service  TEXT NOT NULL,
  stage    TEXT NOT NULL,
  artifact TEXT NOT NULL,
  row      TEXT NOT NULL
) STRICT;
CREATE INDEX releases_by_service ON releases (service, stage, artifact, seq);
