SELECT _line, _offset, _error, _raw FROM log WHERE _error IS NOT NULL;
SELECT _error, count(*) FROM log GROUP BY 1 ORDER BY 1;
SELECT *, _line FROM log WHERE _line BETWEEN 12 AND 16 ORDER BY _line;
SELECT _line, path FROM log WHERE _raw LIKE '%\u00e9%' ORDER BY _line LIMIT 2;
SELECT count(*) FROM (SELECT _line FROM log);
