-- What schema 2 has beyond schema 1: projections of the keyring and of alerts.
CREATE TABLE keyring (
  name TEXT PRIMARY KEY,
  seq  INTEGER NOT NULL,
  row  TEXT NOT NULL
) STRICT;
CREATE TABLE alerts (
  seq     INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  row     TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_by_service ON alerts (service, seq);
