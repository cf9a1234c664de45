-- Lock level: SHARE on sends while its index is built; readers go on, writers wait.
drop index sends_conversation;
create index sends_conversation on sends (recipient, account, channel, workspace, number) where step <> 'done';
