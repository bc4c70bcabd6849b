-- Why a replay was asked for, as whoever asked put it.
ALTER TABLE replays ADD COLUMN why text;

-- Which release of the code gave up on the event.
ALTER TABLE dead_letters ADD COLUMN release text NOT NULL DEFAULT '';

-- In which replays a letter was.
CREATE INDEX replay_items_letter ON replay_items (letter_id);
