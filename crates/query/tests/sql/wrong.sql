SELECT statu FROM log;
SELECT * FROM lag;
SELEC 1;
SELECT path + 1 FROM log;
SELECT nothing(path) FROM log;
SELECT count(*) FROM log WHERE ts > 'soon';
SELECT count(*) FROM '/no/such/file.json';
