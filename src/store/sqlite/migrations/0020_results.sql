-- How many calls of a budget had which result: written when the calls themselves leave the journal. Until then
-- they are counted there.
CREATE TABLE result (
    budget INTEGER NOT NULL,
    result TEXT    NOT NULL,
    calls  INTEGER NOT NULL,
    PRIMARY KEY (budget, result)
) WITHOUT ROWID;
