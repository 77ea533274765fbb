-- What schema 3 has beyond schema 2: a projection of evidence that was forgotten, and the way to the Decisions about an
-- artifact.
CREATE TABLE forgotten (
  seq      INTEGER PRIMARY KEY,
  artifact TEXT NOT NULL,
  row      TEXT NOT NULL
) STRICT;
CREATE INDEX forgotten_by_artifact ON forgotten (artifact, seq);
ALTER TABLE decisions ADD COLUMN artifact TEXT NOT NULL DEFAULT '';
UPDATE decisions SET artifact = json_extract(row, '$.artifact') WHERE json_valid(row);
CREATE INDEX decisions_by_artifact ON decisions (artifact, seq);
