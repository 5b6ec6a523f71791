-- How many calls of a budget had which result: written when the calls themselves leave the journal. Until then
-- they are counted there.
CREATE TABLE result (
    budget bigint NOT NULL,
    result text   NOT NULL,
    calls  bigint NOT NULL,
    PRIMARY KEY (budget, result)
);
