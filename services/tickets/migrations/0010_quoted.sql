-- Lock level: access exclusive on messages for a moment (a new column, no rewrite).

-- What a mail quoted from earlier ones: cut from what is shown first, and kept.
alter table messages add column quoted text;
