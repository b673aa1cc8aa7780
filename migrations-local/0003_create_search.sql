-- Search over the catalogue. A model number is stored folded (see fold.rs): letters and digits only, upper case,
-- look-alikes as one. `folded` finds it exactly and by its beginning, `backward` (the same, reversed) by its end, the
-- trigrams by any three characters in a row: together they find a number of which one character was misread.
-- The FTS tables are contentless: the text is in the mirror, and kept once.
CREATE TABLE spec_index (
    n INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL UNIQUE,
    folded TEXT NOT NULL,
    backward TEXT NOT NULL
) STRICT;
CREATE INDEX spec_index_folded ON spec_index (folded);
CREATE INDEX spec_index_backward ON spec_index (backward);

CREATE VIRTUAL TABLE spec_trigrams USING fts5(
    folded, tokenize = 'trigram case_sensitive 1', detail = none, content = '', contentless_delete = 1
);
-- Maker, trade name and category; numbers have the tables above.
CREATE VIRTUAL TABLE spec_words USING fts5(
    words, tokenize = 'ascii', detail = none, content = '', contentless_delete = 1
);

CREATE TABLE problem_index (
    n INTEGER PRIMARY KEY,
    problem_id TEXT NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE problem_words USING fts5(
    words, tokenize = 'ascii', prefix = '2 3', detail = none, content = '', contentless_delete = 1
);
