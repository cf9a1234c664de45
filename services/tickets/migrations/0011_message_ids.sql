-- Lock level: access exclusive on messages for a moment (a new column, no rewrite).

-- What a customer's mail calls itself, so that our answer can name it.
alter table messages add column message_id text;
